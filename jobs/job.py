"""The frame of every job: its arguments, the stores it works on, its input, its progress, and how it ends.

Progress goes to standard error. The last line of standard output is one JSON object:
`{"job", "generation": {name: number}, "metrics": {…}, "seconds"}`. Exit codes: 0 done; 1 a store failed, the memory bound was
passed, or something is wrong with settings or files; 2 not enough data (or wrong usage); 3 what was made is worse than what
is live. In every case but the first the live generations stay.

A run that was killed, or whose store did not answer, is gone on with; one that got an answer, also a refusal, has ended.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from msgspec.structs import replace

from jobs.frame import parser_of, teller
from jobs.pinned_input import PinnedInput
from jobs.progress import counted
from jobs.running import run_kept
from jobs.sources import KINDS, LakeEvents, Pin, source_of
from jobs.tenancy import only_tenant
from rayce import __version__
from rayce.checkpoint import JSON, Checkpoint, Former, claim, former
from rayce.errors import InvalidInput, LeakFound, NotEnoughData, RayceError, WorseThanLive
from rayce.features.catalogue import load_features
from rayce.features.feature_set import FeatureSet
from rayce.generations import generation_name
from rayce.history import History, read_history
from rayce.item import Item, decode_item
from rayce.live_catalogue import current_catalogue
from rayce.segments.catalogue import Catalogue
from rayce.settings import Settings, load_settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import Durable, HotWriter
from rayce.stores.kafka_models import FlipWriter
from rayce.stores.redis_view import RedisWriter

if TYPE_CHECKING:
    from rayce.lake.reading import Lake

PATIENCE_MS = 30_000
"""A job has time: it waits for a busy durable store rather than fail."""
CONSENTS_AT_ONCE = 10_000
_NOT_INPUTS = ("settings", "tenant", "events", "source", "force")

T = TypeVar("T")


class Outcome(NamedTuple):
    """What a job made live, by name, and what it measured."""

    generation: dict[str, int]
    metrics: dict[str, float]


class Job(NamedTuple):
    """What a job works with. `records` reads the pinned input anew at each call."""

    tenant: str
    settings: Settings
    durable: Durable
    open_hot: Callable[[], HotWriter]
    records: Callable[[], Iterable[bytes]]
    catalogue: Catalogue
    features: FeatureSet
    say: Callable[[str], None]
    program: str = "job"
    """Its module in `jobs`."""
    input: PinnedInput | None = None
    """Where the records come from; None where a test has given them."""
    options: argparse.Namespace = argparse.Namespace()
    """The command line, with the job's own options."""
    force: bool = False
    """Publish what is worse than what is live all the same."""
    begun: list[Checkpoint] | None = None
    """The checkpoints that a run has opened; it closes them, and forgets their blocks once the work has ended."""

    def name(self, kind: str) -> str:
        """The name of the tenant's generations of a kind."""
        return generation_name(self.tenant, kind)

    def checkpoint(self, inputs: Mapping[str, JSON] = {}, part: str = "") -> Checkpoint:
        """Where finished blocks are kept. `inputs` is all that they depend on beside the events, the options and the version.

        Ask for it before the events are read: then they are those of today where a former run had other `inputs`. A job that
        asks whom it may use otherwise than by `history` or `denied` names its blocks by a digest of what is in them, as
        consents change. A job with more than one checkpoint names each `part`.
        """
        path = self.settings.batch.work_path
        if not path:
            begun = Checkpoint.nowhere()
        else:
            whole, folder = partial(self._inputs, inputs), Path(path).expanduser()
            program = f"{self.program}.{part}" if part else self.program
            claimed = claim(folder, program, self.tenant)
            try:
                pin = self.input.pin_for(whole) if self.input else {}
                begun = Checkpoint.begin(folder, program, self.tenant, whole(pin), self.say, claimed)
            except BaseException:
                claimed.lock.close()
                raise
        if self.begun is not None:
            self.begun.append(begun)
        return begun

    def lake(self) -> "Lake | None":
        """The lake as this job reads it, for columns; None where its events come from elsewhere."""
        if self.input is None or not isinstance(self.input.source, LakeEvents):
            return None
        return self.input.source.at(self.input.pin())

    def history(self, purposes: int) -> History:
        """The tenant's events that may be used for these purposes, by the log and by the consent records as they stand."""
        total = self.input.total() if self.input else None
        records = self.counted(self.records(), "records of the log read", total)
        history = read_history(records, self.tenant, purposes)
        history = history.without(self.denied(sorted(history.persons), purposes))
        self.say(
            f"{len(history.values):,} events of {len(history.persons):,} people may be used;"
            f" {history.unpermitted:,} may not; {history.undecodable:,} could not be read"
        )
        if not history.values:
            raise NotEnoughData(f"the log holds no event of {self.tenant} that may be used: replay some history first")
        return history

    def denied(self, persons: Sequence[str], purposes: int) -> set[str]:
        """Those of them whose consent record, as it stands, does not allow all purposes; who has none is left to the log.

        Checkpoints depend on it from here on: who withdrew since a run was killed is in none of the blocks that are taken.
        """
        denied: set[str] = set()
        for first in range(0, len(persons), CONSENTS_AT_ONCE):
            consents = self.durable.load_consents(persons[first : first + CONSENTS_AT_ONCE])
            denied.update(p for p, consent in consents.items() if consent.purposes & purposes != purposes)
        for checkpoint in self.begun or ():
            checkpoint.depend_on("\n".join(sorted(denied)).encode())
        return denied

    def items(self) -> list[Item]:
        """The tenant's catalogue; `NotEnoughData` where it is empty."""
        items = [decode_item(body) for _item_id, body in self.durable.all_items(self.tenant)]
        if not items:
            raise NotEnoughData(f"the catalogue of {self.tenant} is empty: PUT /v1/items first")
        self.say(f"{len(items):,} items in the catalogue")
        return items

    def counted(self, values: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
        """The values, saying now and then how many have passed: with a `total` how much that is, and when it will end."""
        return counted(values, what, total, self.say)

    def _inputs(self, inputs: Mapping[str, JSON], pin: Pin) -> dict[str, JSON]:
        options = {name: value for name, value in vars(self.options).items() if name not in _NOT_INPUTS}
        return {**inputs, "input": pin, "options": options, "version": __version__}


def main(
    name: str,
    work: Callable[[Job], Outcome],
    argv: Sequence[str] | None = None,
    add: Callable[[argparse.ArgumentParser], object] = lambda parser: None,
) -> int:
    """Composes the job from the command line and runs it; returns the exit code. `add` adds options of the job's own."""
    parser = parser_of(name, work.__doc__)
    parser.add_argument("--tenant", help="whose data (default: the one tenant that the API keys name)")
    parser.add_argument(
        "--source", choices=KINDS, default="auto", help="where events come from: auto: the lake, if any"
    )
    parser.add_argument("--events", metavar="FILE", nargs="+", help="read events from these files instead")
    parser.add_argument("--force", action="store_true", help="publish what is worse than what is live all the same")
    add(parser)
    options = parser.parse_args(argv)
    say = teller(name)
    try:
        settings = load_settings(options.settings)
        features = load_features(settings.features.catalogue)
        tenant = options.tenant or only_tenant(settings)
        durable = DynamoStore(
            replace(settings.dynamodb, timeout_ms=max(settings.dynamodb.timeout_ms, PATIENCE_MS)),
            FlipWriter(settings.kafka, lambda: time.time_ns() // 1_000_000, say),
        )
        source = source_of(settings, tenant, options.source, options.events)
        pinned = PinnedInput(source, _unfinished(settings, name, tenant, options.force), say)
        job = Job(
            tenant=tenant,
            settings=settings,
            durable=durable,
            open_hot=lambda: RedisWriter(settings.redis),
            records=pinned.records,
            catalogue=current_catalogue(durable, settings.segments.catalogue, features),
            features=features,
            say=say,
            program=name,
            input=pinned,
            options=options,
            force=options.force,
        )
    except (RayceError, OSError) as error:
        say(f"failed: {error}; what is live stays")
        return 1
    return run(name, work, job)


def run(name: str, work: Callable[[Job], Outcome], job: Job) -> int:
    """Runs the work, prints the outcome, writes the run down, and returns the exit code."""
    begun: list[Checkpoint] = []

    def worked() -> Outcome:
        try:
            outcome = work(job._replace(program=name, begun=begun))
        except WorseThanLive:  # who insists takes what was made
            for checkpoint in begun:
                checkpoint.refused()
            raise
        except (NotEnoughData, InvalidInput, LeakFound):  # an answer: the same input would be answered the same
            for checkpoint in begun:
                checkpoint.done()
            raise
        else:
            for checkpoint in begun:
                checkpoint.done()
            return outcome
        finally:
            for checkpoint in begun:
                checkpoint.close()

    return run_kept(name, job.tenant, worked, job.durable, job.open_hot, job.say, job.settings.batch.memory_gib)


def _unfinished(settings: Settings, name: str, tenant: str, force: bool) -> Former | None:
    """The run, young enough, that did not end; or that was refused, and somebody insists now."""
    path = settings.batch.work_path
    found = former(Path(path).expanduser(), name, tenant) if path else None
    if found is None or (found.refused and not force):
        return None
    return found if time.time() - found.begun_s < settings.batch.resume_h * 3_600 else None
