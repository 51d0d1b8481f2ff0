"""A dependency: an answer in time or none; while it is away nobody waits, and how it is is found out in the background."""

import asyncio

import pytest

from deployments.dependency import PATIENCE_S, Dependency
from rayce.errors import Unavailable
from rayce.metrics import Metrics

pytestmark = pytest.mark.anyio


class Bench:
    """A dependency with a clock of its own; `fault` is what calls do instead of answering."""

    def __init__(self, usual_s: float = 0.0) -> None:
        self.now_s = 100.0
        self.metrics = Metrics()
        self.dependency = Dependency("ranker", self._call, usual_s, self.metrics, lambda: self.now_s)
        self.fault: Exception | None = None
        self.hangs = False
        self.asked: list[int] = []

    async def _call(self, question: int) -> int:
        self.asked.append(question)
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault
        return -question

    async def ask(self, question: int, deadline_s: float = 5.0) -> int:
        return await self.dependency.ask(question, deadline_s)

    async def fail_until_left_alone(self) -> None:
        self.fault = ConnectionError("the replica died")
        for question in (1, 2):
            with pytest.raises(Unavailable, match="the replica died"):
                await self.ask(question)
            self.now_s += 2 * PATIENCE_S
        self.asked.clear()


async def test_the_answer_is_handed_on() -> None:
    assert await Bench().ask(7) == -7


async def test_that_a_caller_had_little_time_says_nothing_about_them() -> None:
    bench = Bench(usual_s=1.0)
    bench.hangs = True
    for _ in range(3):
        with pytest.raises(Unavailable, match="no answer within"):
            await bench.ask(1, 0.001)
        bench.now_s += 1.0
    bench.hangs = False
    assert await bench.ask(1) == -1


async def test_one_that_hangs_is_waited_for_no_longer_than_the_deadline() -> None:
    bench = Bench()
    bench.hangs = True
    with pytest.raises(Unavailable, match="no answer within"):
        await bench.ask(7, 0.001)
    assert 'rayce_failures_total{dependency="ranker"} 1' in bench.metrics.text()


async def test_one_failure_among_answers_turns_nobody_away() -> None:
    bench = Bench()
    bench.fault = ConnectionError("the replica died")
    with pytest.raises(Unavailable):
        await bench.ask(1)
    bench.fault = None
    assert [await bench.ask(n) for n in (2, 3)] == [-2, -3]


async def test_while_they_are_away_nobody_waits_and_one_probe_finds_out_whether_they_are_back() -> None:
    bench = Bench()
    await bench.fail_until_left_alone()
    bench.fault, bench.hangs = None, True
    bench.now_s += 10
    for question in (3, 4, 5):
        with pytest.raises(Unavailable, match="left alone"):
            await bench.ask(question, 60.0)
        await asyncio.sleep(0)
    assert bench.asked == [3]


async def test_once_a_probe_is_answered_everybody_is() -> None:
    bench = Bench()
    await bench.fail_until_left_alone()
    bench.fault = None
    bench.now_s += 10
    with pytest.raises(Unavailable, match="left alone"):
        await bench.ask(3)
    await asyncio.sleep(0.001)
    assert await bench.ask(4) == -4
    assert bench.asked == [3, 4]


async def test_a_probe_that_comes_too_late_is_no_answer() -> None:
    """What is slower than anybody waits is let alone: else every probe would make callers wait again."""
    bench = Bench()
    await bench.fail_until_left_alone()
    bench.fault, bench.hangs = None, True
    bench.now_s += 10
    for _ in range(2):
        with pytest.raises(Unavailable, match="left alone"):
            await bench.ask(3, 0.001)
        await asyncio.sleep(0.05)
    assert bench.asked == [3]
    bench.now_s += 10
    with pytest.raises(Unavailable, match="left alone"):
        await bench.ask(4, 0.001)


async def test_who_waits_when_it_is_found_to_be_away_waits_no_longer() -> None:
    bench = Bench()
    bench.fault = ConnectionError("the replica died")
    with pytest.raises(Unavailable):
        await bench.ask(1)
    bench.now_s += 2 * PATIENCE_S
    bench.fault, bench.hangs = None, True
    waiting = [asyncio.ensure_future(bench.ask(2, 60.0)) for _ in range(3)]
    await asyncio.sleep(0)
    bench.fault, bench.hangs = ConnectionError("the replica died"), False
    with pytest.raises(Unavailable, match="the replica died"):
        await bench.ask(3)
    async with asyncio.timeout(30):
        found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(each).partition(" within")[0] for each in found] == ["ranker is unavailable: no answer"] * 3
