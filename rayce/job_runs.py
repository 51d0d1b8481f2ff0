"""What became of the last runs of each job, kept in durable memory: whoever runs the platform can alarm on their age."""

from collections.abc import Callable, Mapping
from math import isfinite

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from rayce.errors import Unavailable
from rayce.metrics import Metrics
from rayce.stores.interfaces import DurableNotes, HotWriter

BOOK = "runs"
KEPT = 20
"""Runs kept of each job of a tenant."""

TOOK = ("seconds", "cpu_s", "peak_rss_gib")
ENDINGS = {0: "done", 1: "failed", 2: "not enough data", 3: "worse than what is live"}


class Run(Struct, frozen=True, omit_defaults=True):
    """One run of a job. `exit_code` is None until it ends; where it stays so the run was killed. `why` is what it said."""

    job: str
    tenant: str
    started_ms: int
    seconds: float = 0.0
    exit_code: int | None = None
    why: str = ""
    generation: dict[str, int] = {}
    metrics: dict[str, float] = {}

    def ended(
        self,
        now_ms: int,
        exit_code: int,
        why: str = "",
        generation: Mapping[str, int] = {},
        metrics: Mapping[str, float] = {},
    ) -> "Run":
        """The same run, at its end. Metrics that are no numbers (NaN) are left out: JSON has none."""
        return replace(
            self,
            seconds=max(0, now_ms - self.started_ms) / 1000,
            exit_code=exit_code,
            why=why,
            generation=dict(generation),
            metrics={name: float(value) for name, value in metrics.items() if isfinite(value)},
        )


def remember_run(notes: DurableNotes, run: Run) -> list[Run]:
    """Puts the run in front of the job's former ones, in place of itself where it was there already; returns them all."""
    former = runs_of(notes).get((run.tenant, run.job), [])
    kept = [run, *(each for each in former if each.started_ms != run.started_ms)][:KEPT]
    notes.save_note(BOOK, f"{run.tenant}/{run.job}", msgspec.json.encode(kept))
    return kept


def runs_of(notes: DurableNotes) -> dict[tuple[str, str], list[Run]]:
    """The last runs by tenant and job, the newest first; notes of another version are left out."""
    found: dict[tuple[str, str], list[Run]] = {}
    for key, body in notes.load_notes(BOOK).items():
        tenant, _, job = key.rpartition("/")
        try:
            found[tenant, job] = msgspec.json.decode(body, type=list[Run])
        except msgspec.MsgspecError:
            continue
    return found


def last_success(runs: list[Run]) -> Run | None:
    """The newest run that ended well."""
    return next((run for run in runs if run.exit_code == 0), None)


def tell_runs(hot: HotWriter, runs: Mapping[tuple[str, str], list[Run]]) -> None:
    """Tells hot memory of the last runs, so that any edge's `/metrics` shows them. `Unavailable` where it is away."""
    told = {f"job:{tenant}/{job}": metrics_of(some).to_bytes() for (tenant, job), some in runs.items() if some}
    if told:
        hot.put_status(told)


def metrics_of(runs: list[Run]) -> Metrics:
    """One job's last runs as metrics."""
    metrics, newest, good = Metrics(), runs[0], last_success(runs)
    labels = (newest.tenant, newest.job)
    metrics.set("rayce_job_started_timestamp", newest.started_ms / 1000, *labels)
    metrics.set("rayce_job_exit_code", -1 if newest.exit_code is None else newest.exit_code, *labels)
    if good is not None:
        metrics.set("rayce_job_success_timestamp", good.started_ms / 1000 + good.seconds, *labels)
        for what, took in {**good.metrics, "seconds": good.seconds}.items():
            if what in TOOK:
                metrics.set("rayce_job_success_took", took, *labels, what)
    return metrics


class RunKeeper:
    """Writes a run down: that it has begun, and how it ended. A store that is away is said, and fails nothing."""

    def __init__(self, notes: DurableNotes, open_hot: Callable[[], HotWriter], say: Callable[[str], None]) -> None:
        self._notes = notes
        self._open_hot = open_hot
        self._hot: HotWriter | None = None
        self._say = say

    def keep(self, run: Run) -> None:
        """Remember it as it is now, and tell its metrics."""
        try:
            kept = remember_run(self._notes, run)
            self._hot = self._hot or self._open_hot()
            tell_runs(self._hot, {(run.tenant, run.job): kept})
        except Unavailable as error:
            self._say(f"not everybody will hear of this run: {error}")
