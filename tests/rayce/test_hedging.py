"""Hedged reads: a slow answer is not waited for where another can be had, and never at more cost than was agreed."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from rayce.consent import Consent
from rayce.errors import Unavailable
from rayce.hedging import BUDGET, LOOK_EVERY, MAX_DELAY_S, MAX_SAVED, MIN_DELAY_S, Hedge, HedgedReader
from rayce.stores.interfaces import Shown
from rayce.stores.memory_hot import MemoryHot
from tests.samples import person

pytestmark = pytest.mark.anyio


class Place:
    """A connection; slow ones answer when they are let go."""

    def __init__(self, answer: str = "", slow: bool = False, error: Exception | None = None) -> None:
        self.answer, self.error, self.asked = answer, error, 0
        self.gate = asyncio.Event()
        if not slow:
            self.gate.set()

    async def __call__(self) -> str:
        self.asked += 1
        await self.gate.wait()
        if self.error:
            raise self.error
        return self.answer


def hedge(delay_s: float = 0.001) -> Hedge:
    made = Hedge(lambda: 0.0)
    made.delay_s = delay_s
    return made


async def test_what_answers_in_time_is_asked_once() -> None:
    first, second = Place("first"), Place("second")
    assert await hedge(5.0).ask(first, second) == "first"
    assert (first.asked, second.asked) == (1, 0)


async def test_what_is_late_is_asked_for_elsewhere() -> None:
    first, second = Place("first", slow=True), Place("second")
    assert await asyncio.wait_for(hedge().ask(first, second), 5) == "second"
    first.gate.set()


async def test_the_first_may_still_win() -> None:
    first, second = Place("first", slow=True), Place("second", slow=True)
    asked = asyncio.ensure_future(hedge().ask(first, second))
    while not second.asked:
        await asyncio.sleep(0)
    first.gate.set()
    assert await asyncio.wait_for(asked, 5) == "first"
    second.gate.set()


async def test_an_error_of_one_leaves_the_other_its_time() -> None:
    first, second = Place(slow=True), Place(error=Unavailable("redis", "broken"))
    asked = asyncio.ensure_future(hedge().ask(first, second))
    while not second.asked:
        await asyncio.sleep(0)
    first.answer = "first"
    first.gate.set()
    assert await asyncio.wait_for(asked, 5) == "first"


async def test_when_both_fail_that_is_said() -> None:
    first, second = Place(slow=True, error=Unavailable("redis", "late")), Place(error=Unavailable("redis", "broken"))
    asked = asyncio.ensure_future(hedge().ask(first, second))
    while not second.asked:
        await asyncio.sleep(0)
    first.gate.set()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(asked, 5)


async def test_a_failure_at_once_is_no_reason_to_ask_elsewhere() -> None:
    """A broken connection says so at once: the caller's breaker has to hear of it."""
    second = Place("second")
    with pytest.raises(Unavailable):
        await hedge(5.0).ask(Place(error=Unavailable("redis", "refused")), second)
    assert second.asked == 0


async def test_where_everything_is_slow_no_more_is_asked_than_the_budget_allows() -> None:
    told: list[None] = []
    made = Hedge(lambda: 0.0, lambda: told.append(None))
    made.delay_s = 0.0

    async def slow() -> str:
        await asyncio.sleep(0.002)
        return "late"

    for _ in range(60):
        await made.ask(slow, slow)
    assert 1 <= len(told) <= 60 * BUDGET + MAX_SAVED


@pytest.mark.parametrize(
    ("took_s", "delay_s"), [(0.0001, MIN_DELAY_S), (0.004, 0.004), (1.0, MAX_DELAY_S)], ids=["fast", "usual", "slow"]
)
async def test_the_delay_follows_what_reads_take_within_bounds(took_s: float, delay_s: float) -> None:
    now_s = 0.0

    async def read() -> None:
        nonlocal now_s
        now_s += took_s

    made = Hedge(lambda: now_s)
    for _ in range(LOOK_EVERY):
        await made.ask(read, read)
    assert made.delay_s == pytest.approx(delay_s)


async def test_a_hedged_reader_reads_what_either_reads_and_writes_through_the_first() -> None:
    slow, quick = MemoryHot(), MemoryHot()
    for hot in (slow, quick):
        hot.show([Shown(person(1), b"state", b"\1\0\0")])
        hot.put_back([], {person(1): Consent(3, 1)})
        hot.show_lists(7, [(person(1), b"list")], 60)

    def stuck(read: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def never(*arguments: object) -> object:
            await asyncio.Event().wait()
            return await read(*arguments)

        return never

    for name in ("read_flags", "read_states", "read_lists"):
        setattr(slow, name, stuck(getattr(slow, name)))
    made = hedge()
    made._saved = 8.0
    reader = HedgedReader(slow, quick, made)
    (flags,), (state,) = await reader.read_flags([person(1)]), await reader.read_states([person(1)])
    assert flags.consent == state.consent and state.value == b"state"
    assert await reader.read_lists(7, [person(1)]) == [b"list"]
    await reader.put_consent(person(2), Consent(3, 2))
    assert (await reader._first.read_status(), person(2) in str(vars(slow))) == ({}, True)
