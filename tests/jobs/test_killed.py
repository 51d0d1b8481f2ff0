"""Jobs that are killed before or after any call of a store: what is live stays whole, and the next run succeeds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.build_affinities import build_affinities
from jobs.build_recommendations import build_recommendations
from jobs.job import Job, Outcome, run
from rayce.batch_settings import BatchSettings
from rayce.publication import publish
from rayce.settings import Settings
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot
from tests.jobs.shop import filled, history, make_job, records

LOG = records(history(people=range(1, 9), days=60))


class Killed(BaseException):
    """What a kill looks like from inside."""


class Mortal:
    """A store whose process is killed at its n-th call, before it is made or right after."""

    def __init__(self, whole: Any, budget: list[int], after: bool) -> None:
        self._whole, self._budget, self._after = whole, budget, after

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._whole, name)
        return (lambda *args, **named: self._call(real, args, named)) if callable(real) else real

    def _call(self, real: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        self._budget[0] -= 1
        if self._budget[0] < 0 and not self._after:
            raise Killed
        found = real(*args, **named)
        if self._budget[0] < 0:
            raise Killed
        return found


def whole(durable: MemoryDurable, name: str, number: int) -> object:
    """All that readers find of a generation."""
    people = [person for generation, person in durable._lists if generation == number and name.endswith("/lists")]
    return durable.load_generation(name, number), durable.load_lists(number, people) if people else {}


def blocks(job: Job) -> Outcome:
    """A job that keeps blocks, and then publishes them."""
    checkpoint = job.checkpoint()
    made = b"".join(checkpoint.block(f"block-{n}", lambda n=n: bytes([n]) * 9) for n in range(3))  # type: ignore[misc]
    name = job.name("blocks")
    return Outcome({name: publish(job.durable, name, {"a": made}, lambda files: None)}, {})


@pytest.mark.parametrize(
    "work",
    [
        blocks,
        pytest.param(build_affinities, marks=pytest.mark.slow),
        pytest.param(build_recommendations, marks=pytest.mark.slow),
    ],
)
def test_killed_at_any_call_of_a_store_what_is_live_stays_whole_and_the_next_run_succeeds(
    work: Callable[[Job], Outcome], tmp_path: Path
) -> None:
    durable, hot = filled(), MemoryHot()
    settings = Settings(batch=BatchSettings(work_path=str(tmp_path)))

    def attempt(budget: list[int], after: bool) -> int:
        mortal, mortal_hot = Mortal(durable, budget, after), Mortal(hot, budget, after)
        job = make_job(LOG, durable, hot)._replace(settings=settings, durable=mortal, open_hot=lambda: mortal_hot)
        return run("mortal", work, job)

    if work is build_recommendations:
        assert run("affinities", build_affinities, make_job(LOG, durable)) == 0
    assert attempt([10**9], False) == 0
    live: dict[str, tuple[int, object]] = {}
    for calls in range(200):
        ended = 0
        for after in (False, True):
            try:
                assert attempt([calls], after) == 0
                ended += 1
            except Killed:
                pass
            for name, number in durable.live().items():
                found = whole(durable, name, number)
                if name in live and number == live[name][0]:
                    assert found == live[name][1]
                live[name] = (number, found)
        if ended == 2:
            break
    else:
        raise AssertionError("the job never ends")
    assert calls > 5
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "lock"]
