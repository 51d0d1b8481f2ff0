"""What the scheduler decides. It is a fold over the clock, what Ray says of its jobs, and one durable mark for each schedule.

- A mark says until when everything due was attended to, and which submission is under way. It is written *before* Ray is asked,
  and the submission's id is made of the schedule and the time it was due: a scheduler that is killed in between asks again,
  and Ray takes an id once. So a due time is run at most once, and not forgotten.
- After a time without a scheduler the last due time alone is caught up with. A new schedule catches up with nothing.
- A job of a tenant never runs beside itself: a due time at which the schedule's own run is still at work is passed over; where
  it is another schedule's or somebody's by hand, it waits.
- A run that is lost with the cluster that ran it is submitted once more.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from rayce.errors import InvalidInput, RayceError
from rayce.metrics import Metrics
from rayce.schedule import Schedule
from rayce.stores.interfaces import DurableNotes

log = structlog.get_logger(__name__)

BOOK = "schedules"
AHEAD_S = 86_400.0
"""A mark further ahead than this was made by a clock that was wrong."""

_JOB, _TENANT = re.compile(r"-m\s+jobs\.(\w+)"), re.compile(r"--tenant[ =]'?([^\s']+)")


class RayJob(NamedTuple):
    """A job as Ray knows it. What is neither done nor failed is at work, or waits for its node."""

    ending: Literal["", "done", "failed"]
    entrypoint: str


class Crew(Protocol):
    """Ray's jobs. Raises `RayceError` where Ray does not answer."""

    def jobs(self) -> Mapping[str, RayJob]:
        """All that Ray knows, by submission id."""
        ...

    def submit(self, submission_id: str, schedule: Schedule) -> None:
        """Begin it; harmless where that id is known. `InvalidInput` where Ray refuses it for good."""
        ...


class Mark(Struct, frozen=True, omit_defaults=True):
    """Until when (seconds since the epoch) everything due was attended to, and the submission that is under way ("": none)."""

    until_s: float
    run: str = ""
    submitted: bool = False
    again: bool = False


class Scheduling:
    """One scheduler's decisions; `look` makes those that are to be made now."""

    def __init__(
        self,
        schedules: Sequence[Schedule],
        notes: DurableNotes,
        crew: Crew,
        clock_s: Callable[[], float],
        metrics: Metrics,
    ) -> None:
        self._schedules = schedules
        self._notes = notes
        self._crew = crew
        self._clock_s = clock_s
        self._metrics = metrics
        self._marks: dict[str, Mark] | None = None

    def look(self) -> None:
        """Attend to what has ended and what is due. `RayceError` where Ray or the durable store does not answer: look again."""
        marks = self._known_marks()
        jobs = self._crew.jobs()
        for schedule in self._schedules:
            if schedule.name not in marks:
                self._mark(schedule, Mark(self._clock_s()))
        self._each(lambda schedule: self._follow(schedule, jobs))
        busy = self._busy(jobs)
        self._each(lambda schedule: self._run_if_due(schedule, busy))
        for schedule in self._schedules:
            self._metrics.set("rayce_schedule_due_timestamp", schedule.after(self._clock_s()) or 0, schedule.name)

    def _each(self, attend: Callable[[Schedule], None]) -> None:
        """Every schedule, also where one cannot be attended to; then the first error."""
        failed: RayceError | None = None
        for schedule in self._schedules:
            try:
                attend(schedule)
            except RayceError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def _known_marks(self) -> dict[str, Mark]:
        if self._marks is None:
            found = {}
            for name, body in self._notes.load_notes(BOOK).items():
                try:
                    found[name] = msgspec.json.decode(body, type=Mark)
                except msgspec.MsgspecError:  # another version's: as if the schedule were new
                    log.warning("schedule_mark_lost", schedule=name)
            self._marks = found
        return self._marks

    def _follow(self, schedule: Schedule, jobs: Mapping[str, RayJob]) -> None:
        """Looks how the run is doing that was under way."""
        mark = self._known_marks()[schedule.name]
        if not mark.run:
            return
        found = jobs.get(mark.run)
        if found is None and mark.submitted and not mark.again:
            log.warning("schedule_run_lost", schedule=schedule.name, run=mark.run)
            self._submit(schedule, replace(mark, run=f"{mark.run}-again", submitted=False, again=True))
        elif found is None and not mark.submitted:
            self._submit(schedule, mark)
        elif found is None or found.ending:
            ending = found.ending if found else "failed"
            self._count(schedule, ending)
            log.info("schedule_run_ended", schedule=schedule.name, run=mark.run, outcome=ending)
            self._mark(schedule, Mark(mark.until_s))
        elif not mark.submitted:
            self._mark(schedule, replace(mark, submitted=True))

    def _busy(self, jobs: Mapping[str, RayJob]) -> list[tuple[str, str]]:
        """(job, tenant) of all that is at work, by schedule or by hand; tenant "": any."""
        at_work = [_what(job.entrypoint) for job in jobs.values() if not job.ending]
        marks = self._known_marks()
        begun = [(each.job, each.tenant) for each in self._schedules if marks[each.name].run]
        return [what for what in at_work if what] + begun

    def _run_if_due(self, schedule: Schedule, busy: list[tuple[str, str]]) -> None:
        now_s, mark = self._clock_s(), self._known_marks()[schedule.name]
        if mark.until_s > now_s + AHEAD_S:
            mark = replace(mark, until_s=now_s)
            self._mark(schedule, mark)
        due_s = schedule.last_due(mark.until_s, now_s)
        if due_s is None:
            return
        if mark.run:
            self._count(schedule, "overlapped")
            log.warning("schedule_overlapped", schedule=schedule.name, run=mark.run, due_s=due_s)
            self._mark(schedule, replace(mark, until_s=due_s))
        elif not any(_same(schedule, job, tenant) for job, tenant in busy):
            busy.append((schedule.job, schedule.tenant))
            self._submit(schedule, Mark(due_s, f"{schedule.name}-{due_s:.0f}"))

    def _submit(self, schedule: Schedule, mark: Mark) -> None:
        self._mark(schedule, mark)
        try:
            self._crew.submit(mark.run, schedule)
        except InvalidInput as error:
            self._count(schedule, "refused")
            log.error("schedule_refused", schedule=schedule.name, run=mark.run, reason=str(error))
            self._mark(schedule, Mark(mark.until_s))
            return
        log.info("schedule_run_begun", schedule=schedule.name, run=mark.run)
        self._mark(schedule, replace(mark, submitted=True))

    def _mark(self, schedule: Schedule, mark: Mark) -> None:
        """Durable first: what was not written down has not been decided."""
        self._notes.save_note(BOOK, schedule.name, msgspec.json.encode(mark))
        self._known_marks()[schedule.name] = mark

    def _count(self, schedule: Schedule, outcome: str) -> None:
        self._metrics.add("rayce_schedule_runs_total", 1, schedule.name, outcome)


def _what(entrypoint: str) -> tuple[str, str] | None:
    """Job and tenant of a command; None where it is no job of ours."""
    job = _JOB.search(entrypoint)
    tenant = _TENANT.search(entrypoint)
    return (job[1], tenant[1] if tenant else "") if job else None


def _same(schedule: Schedule, job: str, tenant: str) -> bool:
    """Whether this is the schedule's job on its tenant; a command that names none may mean it."""
    return schedule.job == job and (not tenant or not schedule.tenant or schedule.tenant == tenant)
