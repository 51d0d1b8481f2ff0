"""The gate: turned away at once while it is open, and one probe in the background at a time."""

import asyncio

import pytest

from rayce.breaker import SLOW_PATIENCE_S, Breaker
from rayce.errors import Unavailable
from rayce.gate import Gate

pytestmark = pytest.mark.anyio

OPEN_S = 0.5


class Bench:
    """A gate with a clock of its own, in front of a dependency that hangs until `answer` is set."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.gate = Gate(Breaker(lambda: self.now_s, OPEN_S))
        self.probes = 0
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def probe(self) -> None:
        self.probes += 1
        await self.answer

    async def ask(self) -> bool:
        allowed = self.gate.allows(self.probe)
        await asyncio.sleep(0)
        return allowed


async def test_while_all_is_well_everybody_passes_and_nothing_is_probed() -> None:
    bench = Bench()
    assert [await bench.ask() for _ in range(3)] == [True, True, True]
    bench.gate.failed()
    bench.gate.succeeded()
    assert await bench.ask() and bench.probes == 0


async def test_who_comes_while_it_is_open_is_turned_away_even_when_a_probe_is_due() -> None:
    bench = Bench()
    bench.gate.failed()
    assert not await bench.ask() and bench.probes == 0
    bench.now_s += OPEN_S
    assert [await bench.ask() for _ in range(3)] == [False, False, False]
    assert bench.probes == 1


async def test_a_probe_that_hangs_is_not_joined_by_another_one() -> None:
    bench = Bench()
    bench.gate.failed()
    for _ in range(5):
        bench.now_s += 10 * OPEN_S
        assert not await bench.ask()
    assert bench.probes == 1


async def test_a_probe_that_goes_well_lets_everybody_pass() -> None:
    bench = Bench()
    bench.gate.failed()
    bench.now_s += OPEN_S
    await bench.ask()
    bench.answer.set_result(None)
    await asyncio.sleep(0.001)
    assert not bench.gate.is_open and await bench.ask()


@pytest.mark.parametrize("error", [ConnectionError("away"), ZeroDivisionError()])
async def test_a_probe_that_fails_leaves_it_open_for_another_moment(error: Exception) -> None:
    bench = Bench()
    bench.gate.failed()
    bench.now_s += OPEN_S
    await bench.ask()
    bench.answer.set_exception(error)
    await asyncio.sleep(0.001)
    assert bench.gate.is_open and not await bench.ask() and bench.probes == 1
    bench.now_s += OPEN_S
    assert not await bench.ask() and bench.probes == 2


class SlowBench:
    """A gate that has passed two slow calls, as far apart as it takes; `busy_s` is what a turn of the loop takes."""

    def __init__(self, busy_s: float) -> None:
        self.now_s, self._busy_s = 100.0, busy_s
        self.gate = Gate(Breaker(self.clock, OPEN_S, slow_s=0.01), self.clock)

    def clock(self) -> float:
        self.now_s += self._busy_s
        return self.now_s

    async def call(self) -> int:
        self.now_s += 0.02
        return 7

    async def is_left_alone(self) -> bool:
        for _ in range(2):
            assert await self.gate.through(self.call) == 7
            self.now_s += 1.1 * SLOW_PATIENCE_S
        return self.gate.is_open


async def test_what_is_slow_is_left_alone() -> None:
    assert await SlowBench(0.0).is_left_alone()


async def test_a_busy_loop_takes_nobody_for_slow() -> None:
    """Else every overload would turn all reads over to durable memory, and get worse by it."""
    assert not await SlowBench(0.002).is_left_alone()


async def test_what_cannot_be_had_is_noted_and_handed_on() -> None:
    async def away() -> None:
        raise Unavailable("redis", "away")

    bench = Bench()
    with pytest.raises(Unavailable):
        await bench.gate.through(away)
    assert bench.gate.is_open
