"""The gate: turned away at once while it is open, and one probe in the background at a time."""

import asyncio

import pytest

from rayce.breaker import Breaker
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
