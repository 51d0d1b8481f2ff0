"""Hedged reads: what takes longer than nearly all did lately is asked for once more elsewhere, and the first answer counts.

Dean and Barroso, The Tail at Scale (CACM 2013), "hedged requests": it cuts the tail that a slow connection or node makes, and
costs as many more reads as there are slow ones. A budget bounds these: where everything is slow, asking twice helps nobody.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from rayce.stores.interfaces import HotReader, HotRow

T = TypeVar("T")

KEPT, LOOK_EVERY, QUANTILE = 256, 64, 0.95
"""Durations that are remembered, how often the delay is taken from them, and which of them it is."""
MIN_DELAY_S, MAX_DELAY_S, FIRST_DELAY_S = 0.001, 0.025, 0.01
"""The delay never leaves these bounds: a loop that was busy for a moment is no slow store. The last: before any was seen."""
BUDGET = 0.1
"""Hedges for each read, at most; up to `MAX_SAVED` are saved up."""
MAX_SAVED = 8.0


class Hedge:
    """Asks `first`, and after the delay `second` too. Belongs to one event loop; the clock is in seconds.

    The slower one is not cancelled: how it ends tells its connection whether it is broken. If both fail the first error counts.
    """

    def __init__(self, clock: Callable[[], float], hedged: Callable[[], None] = lambda: None) -> None:
        """`hedged` is told of each second read."""
        self._clock = clock
        self._hedged = hedged
        self._took: deque[float] = deque(maxlen=KEPT)
        self._reads = 0
        self._saved = 1.0
        self.delay_s = FIRST_DELAY_S

    async def ask(self, first: Callable[[], Awaitable[T]], second: Callable[[], Awaitable[T]]) -> T:
        """The answer that comes first."""
        began_s = self._clock()
        one = asyncio.ensure_future(first())
        one.add_done_callback(_retrieve)
        await asyncio.wait((one,), timeout=self.delay_s)
        self._saved = min(MAX_SAVED, self._saved + BUDGET)
        if not one.done() and self._saved >= 1:
            self._saved -= 1
            self._hedged()
            other = asyncio.ensure_future(second())
            answer = await _first_good(one, other)
        else:
            answer = await one
        self._note(self._clock() - began_s)
        return answer

    def _note(self, took_s: float) -> None:
        self._took.append(took_s)
        self._reads += 1
        if self._reads % LOOK_EVERY == 0:
            usual_s = sorted(self._took)[int(QUANTILE * len(self._took))]
            self.delay_s = min(MAX_DELAY_S, max(MIN_DELAY_S, usual_s))


class HedgedReader:
    """`HotReader` over two of them (two connections, or two replicas): people are read hedged, everything else by the first."""

    def __init__(self, first: HotReader, second: HotReader, hedge: Hedge) -> None:
        self._first = first
        self._second = second
        self._hedge = hedge

    async def read_flags(self, persons: Sequence[str]) -> list[HotRow]:
        """See `HotReader.read_flags`."""
        return await self._hedge.ask(lambda: self._first.read_flags(persons), lambda: self._second.read_flags(persons))

    async def read_states(self, persons: Sequence[str]) -> list[HotRow]:
        """See `HotReader.read_states`."""
        return await self._hedge.ask(
            lambda: self._first.read_states(persons), lambda: self._second.read_states(persons)
        )

    async def read_lists(self, generation: int, persons: Sequence[str]) -> list[bytes | None]:
        """See `HotReader.read_lists`."""
        return await self._hedge.ask(
            lambda: self._first.read_lists(generation, persons), lambda: self._second.read_lists(generation, persons)
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._first, name)


async def _first_good(one: "asyncio.Future[T]", other: "asyncio.Future[T]") -> T:
    """The first that is no error; one that was given up is let run, and its error is looked at so that nobody is warned."""
    other.add_done_callback(_retrieve)
    await asyncio.wait((one, other), return_when=asyncio.FIRST_COMPLETED)
    first, last = (one, other) if one.done() else (other, one)
    if first.exception() is None:
        return first.result()
    await asyncio.wait((last,))
    return last.result() if last.exception() is None else first.result()


def _retrieve(future: "asyncio.Future[T]") -> None:
    if not future.cancelled():
        future.exception()
