"""A breaker for asyncio: to find out whether a dependency is back costs no caller anything, a probe does it by itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rayce.breaker import Breaker
from rayce.errors import Unavailable

T = TypeVar("T")

BUSY_S = 0.001
"""An event loop that takes longer for one turn is busy: what it waited for may have been there long ago."""


class Gate:
    """While the breaker is open every caller is turned away at once; now and then one of them leaves a probe behind.

    At most one probe is under way. Belongs to one event loop.
    """

    def __init__(self, breaker: Breaker, clock: Callable[[], float] = time.monotonic) -> None:
        self._breaker = breaker
        self._clock = clock
        self._probe: asyncio.Task[None] | None = None

    def allows(self, probe: Callable[[], Awaitable[object]]) -> bool:
        """Whether to call now. Where not, `probe()` may be started in the background; how it ends opens or closes."""
        if not self._breaker.is_open:
            return True
        if (self._probe is None or self._probe.done()) and self._breaker.allows():
            self._probe = asyncio.get_running_loop().create_task(self._try(probe))
        return False

    async def through(self, call: Callable[[], Awaitable[T]]) -> T:
        """What the call answers or raises; that it was `Unavailable`, went well or took long is noted."""
        began_s = self._clock()
        try:
            answer = await call()
        except Unavailable:
            self._breaker.failed()
            raise
        await self._went_well(began_s)
        return answer

    def succeeded(self) -> None:
        """A call went well."""
        self._breaker.succeeded()

    def failed(self) -> None:
        """A call failed."""
        self._breaker.failed()

    @property
    def is_open(self) -> bool:
        """Whether the dependency counts as away."""
        return self._breaker.is_open

    async def _try(self, probe: Callable[[], Awaitable[object]]) -> None:
        began_s = self._clock()
        try:
            await probe()
        except Exception:  # whatever it is, the dependency does not work: it is left alone for another moment
            self._breaker.failed()
        else:
            await self._went_well(began_s)

    async def _went_well(self, began_s: float) -> None:
        """Only a loop that is not busy itself can tell that another is slow."""
        took_s = self._clock() - began_s
        if self._breaker.is_slow(took_s):
            began_s = self._clock()
            await asyncio.sleep(0)
            if self._clock() - began_s > BUSY_S:
                took_s = 0.0
        self._breaker.succeeded(took_s)
