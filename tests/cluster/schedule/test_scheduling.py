from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.schedule import scheduling as module
from cluster.schedule.scheduling import BOOK, RayJob, Scheduling
from rayce.errors import InvalidInput, Unavailable
from rayce.metrics import Metrics
from rayce.schedule import Schedule
from rayce.stores.memory import MemoryDurable

MINUTE_S, DAY_S = 60.0, 86_400.0
START_S = datetime.fromisoformat("2026-01-01T00:00Z").timestamp()
NIGHTLY = Schedule("nightly", "build_affinities", "0 3 * * *", "UTC", "shop")
SUBMITTED = "python -m jobs.build_affinities --tenant shop"


class FakeRay:
    """Ray's jobs, which go on until a test ends them."""

    def __init__(self) -> None:
        self.known: dict[str, RayJob] = {}
        self.order: list[str] = []
        self.away = False
        self.refuses = False

    def jobs(self) -> Mapping[str, RayJob]:
        if self.away:
            raise Unavailable("ray", "no answer")
        return dict(self.known)

    def submit(self, submission_id: str, schedule: Schedule) -> None:
        if self.away:
            raise Unavailable("ray", "no answer")
        if self.refuses:
            raise InvalidInput("no node has the resource `batch`")
        if submission_id not in self.known:
            self.order.append(submission_id)
            self.known[submission_id] = RayJob("", schedule.entrypoint(""))

    def end(self, ending: Any = "done") -> None:
        self.known = {name: RayJob(job.ending or ending, job.entrypoint) for name, job in self.known.items()}


class World:
    """A clock, a durable memory and Ray, which outlive the scheduler."""

    def __init__(self, *schedules: Schedule) -> None:
        self.now_s = START_S
        self.durable = MemoryDurable()
        self.ray = FakeRay()
        self.metrics = Metrics()
        self.schedules = schedules or (NIGHTLY,)
        self.restart()
        self.scheduling.look()

    def restart(self) -> None:
        """Another scheduler in place of this one."""
        self.scheduling = Scheduling(self.schedules, self.durable, self.ray, lambda: self.now_s, self.metrics)

    def go(self, seconds: float, ending: Any = "done", step_s: float = 600.0) -> None:
        """Time passes; runs end within one step, unless `ending` is None."""
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self.now_s = min(until_s, self.now_s + step_s)
            self.scheduling.look()
            if ending:
                self.ray.end(ending)

    def counted(self) -> dict[str, float]:
        """Runs by outcome."""
        return {labels[1]: value for labels, value in self.metrics.values("rayce_schedule_runs_total")}


def ran(*days: int) -> list[str]:
    return [f"nightly-{START_S + day * DAY_S + 3 * 3_600:.0f}" for day in days]


def test_a_job_runs_each_time_it_is_due() -> None:
    world = World()
    world.go(3 * DAY_S)
    assert world.ray.order == ran(0, 1, 2)
    assert world.ray.known[ran(0)[0]].entrypoint == SUBMITTED
    assert world.counted() == {"done": 3}
    assert dict(world.metrics.values("rayce_schedule_due_timestamp")) == {("nightly",): START_S + 3 * DAY_S + 3 * 3_600}


def test_a_new_schedule_catches_up_with_nothing() -> None:
    world = World()
    assert world.ray.order == []
    world.go(2 * 3_600)
    assert world.ray.order == []


def test_after_a_time_without_a_scheduler_the_last_due_time_alone_is_caught_up_with() -> None:
    world = World()
    world.now_s += 10 * DAY_S
    world.restart()
    world.go(600)
    assert world.ray.order == ran(9)
    world.go(DAY_S)
    assert world.ray.order == ran(9, 10)


def test_a_due_time_at_which_the_own_run_is_at_work_is_passed_over() -> None:
    world = World()
    world.go(2 * DAY_S, ending=None)
    assert world.ray.order == ran(0)
    assert world.counted() == {"overlapped": 1}
    world.go(0.5 * DAY_S)
    assert world.ray.order == ran(0, 2)


def test_a_run_that_failed_is_counted_and_the_next_due_time_comes() -> None:
    world = World()
    world.go(2 * DAY_S, ending="failed")
    assert world.ray.order == ran(0, 1)
    assert world.counted() == {"failed": 2}


@pytest.mark.parametrize(
    ("by_hand", "waits"),
    [
        ("python -m jobs.build_affinities --tenant shop", True),
        ("python -m jobs.build_affinities --settings x.yaml", True),
        ("env A=1 python -m jobs.build_affinities --tenant='shop' --force", True),
        ("python -m jobs.build_affinities --tenant other", False),
        ("python -m jobs.train_ranker --tenant shop", False),
        ("python train.py", False),
    ],
)
def test_it_waits_for_a_run_by_hand_of_the_same_job_and_tenant(by_hand: str, waits: bool) -> None:
    world = World()
    world.ray.known["raysubmit_1"] = RayJob("", by_hand)
    world.go(4 * 3_600, ending=None)
    assert world.ray.order == ([] if waits else ran(0))
    world.ray.end()
    world.go(600)
    assert world.ray.order == ran(0)


def test_two_schedules_of_one_job_and_tenant_run_one_after_the_other() -> None:
    other = Schedule("other", "build_affinities", "0 3 * * *", "UTC", "shop", ("--changed",))
    third = Schedule("third", "build_affinities", "0 3 * * *", "UTC", "elsewhere")
    world = World(NIGHTLY, other, third)
    world.go(3 * 3_600, ending=None)
    assert [run.partition("-")[0] for run in world.ray.order] == ["nightly", "third"]
    world.ray.end()
    world.go(1_200, ending=None)
    assert [run.partition("-")[0] for run in world.ray.order] == ["nightly", "third", "other"]


def test_a_restart_in_the_middle_of_a_run_neither_repeats_nor_forgets_it() -> None:
    world = World()
    world.go(4 * 3_600, ending=None)
    world.restart()
    world.go(3_600, ending=None)
    assert world.ray.order == ran(0)
    world.ray.end("failed")
    world.restart()
    world.go(600)
    assert world.counted() == {"failed": 1}


def test_a_run_that_was_lost_with_its_cluster_is_submitted_once_more_and_not_again() -> None:
    world = World()
    world.go(4 * 3_600, ending=None)
    for _lost in range(3):
        world.ray.known.clear()
        world.go(1_200, ending=None)
    assert world.ray.order == [*ran(0), f"{ran(0)[0]}-again"]
    assert world.counted() == {"failed": 1}
    world.go(DAY_S)
    assert world.ray.order[-1] == ran(1)[0]


def test_a_refused_job_is_counted_and_tried_at_the_next_due_time() -> None:
    world = World()
    world.ray.refuses = True
    world.go(DAY_S)
    assert world.counted() == {"refused": 1}
    world.ray.refuses = False
    world.go(DAY_S)
    assert world.ray.order == ran(1)


@pytest.mark.parametrize("away", ["ray", "durable"])
def test_while_ray_or_the_store_is_away_nothing_is_run_and_then_it_is(away: str) -> None:
    world = World()
    getattr(world, away).away = True
    for _look in range(30):
        world.now_s += 600
        with suppress(Unavailable):
            world.scheduling.look()
    assert world.ray.order == []
    getattr(world, away).away = False
    world.go(600)
    assert world.ray.order == ran(0)


def test_one_schedule_that_cannot_be_attended_to_does_not_stop_the_others() -> None:
    class Partly(FakeRay):
        def submit(self, submission_id: str, schedule: Schedule) -> None:
            if schedule.tenant == "shop":
                raise Unavailable("ray", "status code 500")
            super().submit(submission_id, schedule)

    world = World(NIGHTLY, Schedule("third", "build_affinities", "0 3 * * *", "UTC", "elsewhere"))
    world.ray = Partly()
    world.restart()
    world.now_s += 4 * 3_600
    with pytest.raises(Unavailable):
        world.scheduling.look()
    assert [run.partition("-")[0] for run in world.ray.order] == ["third"]


def test_a_mark_of_a_clock_that_was_far_ahead_is_put_right() -> None:
    world = World()
    world.now_s += 365 * DAY_S
    world.scheduling.look()
    world.ray.end()
    world.scheduling.look()
    world.ray.order.clear()
    world.now_s -= 364 * DAY_S
    world.go(DAY_S)
    assert world.ray.order == ran(1)


def test_a_mark_that_cannot_be_read_counts_as_new() -> None:
    world = World()
    world.durable.save_note(BOOK, "nightly", b"?")
    world.now_s += 10 * DAY_S
    world.restart()
    world.scheduling.look()
    assert world.ray.order == []
    world.go(DAY_S)
    assert world.ray.order == ran(10)


class Killed(BaseException):
    """What a kill looks like from inside."""


class Mortal:
    """Durable memory or Ray of a scheduler that is killed at the n-th call that changes something, before it or after it."""

    def __init__(self, whole: Any, budget: list[int], after: bool) -> None:
        self._whole, self._budget, self._after = whole, budget, after

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._whole, name)
        return self._mortal(real) if name in ("save_note", "submit") else real

    def _mortal(self, real: Any) -> Any:
        def call(*arguments: Any) -> None:
            self._budget[0] -= 1
            if self._budget[0] < 0 and not self._after:
                raise Killed
            real(*arguments)
            if self._budget[0] < 0:
                raise Killed

        return call


def killed_again_and_again(kills: list[tuple[int, bool]]) -> list[str]:
    """What ran in ten days, with a scheduler that is killed at these calls and started again."""
    world, waiting = World(), list(kills)

    def restart() -> None:
        calls, after = waiting.pop(0) if waiting else (10**9, False)
        budget = [calls]
        durable, ray = Mortal(world.durable, budget, after), Mortal(world.ray, budget, after)
        world.scheduling = Scheduling(world.schedules, durable, ray, lambda: world.now_s, world.metrics)

    restart()
    for _step in range(10 * 24 * 3):
        world.now_s += 1_200
        try:
            world.scheduling.look()
        except Killed:
            restart()
        if world.now_s % DAY_S > 5 * 3_600:
            world.ray.end()
    return world.ray.order


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=12))
def test_killed_at_any_call_every_due_time_runs_exactly_once(kills: list[tuple[int, bool]]) -> None:
    assert killed_again_and_again(kills) == ran(*range(10))


def test_a_scheduler_that_asked_ray_before_it_wrote_it_down_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: without the mark's id a killed scheduler submits again, under another id."""

    def hasty(self: Scheduling, schedule: Schedule, mark: Any) -> None:
        run = f"{mark.run}-{len(self._crew.jobs())}"
        self._crew.submit(run, schedule)
        self._mark(schedule, module.replace(mark, run=run, submitted=True))

    monkeypatch.setattr(Scheduling, "_submit", hasty)
    assert len(killed_again_and_again([(n, after) for n in range(6) for after in (False, True)])) > 10
