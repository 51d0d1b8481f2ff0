"""The settings of batch time: where jobs keep what they have done, how much they may take, and when they run by themselves."""

from typing import Annotated

from msgspec import Meta, Struct

from rayce.knobs import Positive, knob


class Scheduled(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One job that runs by itself: its module in `jobs`, five fields of cron in a time zone, and its options.

    `resources` are Ray's, of the node that it is to run on. What is wrong with it `rayce.schedule` tells, with key and value.
    """

    job: str
    cron: str
    zone: str = "UTC"
    tenant: str = ""
    arguments: tuple[str, ...] = ()
    name: str = ""
    resources: dict[str, float] = {}


class BatchSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Batch jobs."""

    work_path: Annotated[
        str,
        knob(
            "Folder where jobs keep finished blocks, so that one that was killed goes on: the same from every node that runs"
            " jobs, or each node goes on with its own only. Empty: nothing is kept."
        ),
    ] = "~/.rayce/batch"
    resume_h: Annotated[
        Positive, knob("A job killed longer ago than this begins anew, with today's input, instead of going on.")
    ] = 24
    block_users: Annotated[
        Positive, knob("People worked off at once: more is faster, fewer takes less memory and loses less to a kill.")
    ] = 2_000
    parallel: Annotated[Positive, knob("Blocks under way at once where Ray shares them out; memory grows with it.")] = (
        16
    )
    memory_gib: Annotated[
        float,
        Meta(ge=0),
        knob(
            "A job that would take more memory than this ends with a message; 0: what the machine or container allows."
        ),
    ] = 0.0
    outcome_horizon_h: Annotated[
        Positive,
        knob(
            "A click, cart addition or purchase this long after a recommendation counts as its outcome, for training."
        ),
    ] = 24
    schedules: Annotated[
        tuple[Scheduled, ...],
        knob('Jobs that run by themselves: `[{job: build_affinities, cron: "0 3 * * *", zone: Europe/Berlin}]`.'),
    ] = ()
    schedule_poll_s: Annotated[
        float, Meta(gt=0), knob("How often the scheduler looks what is due and how its jobs are doing.")
    ] = 5.0
