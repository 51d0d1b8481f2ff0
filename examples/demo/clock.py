"""The shop's clock: simulated time that runs faster than ours, can be paused, and never passes the real present."""

import asyncio
from collections.abc import Callable
from time import monotonic, time

MAX_SPEED = float("inf")
"""As fast as the baskets can be played: the clock jumps to each."""


class SimulatedClock:
    """Milliseconds since the epoch of the shop's world; monotone. `wall_ms` is the real present and bounds it."""

    def __init__(
        self,
        start_ms: int,
        speed: float,
        *,
        seconds: Callable[[], float] = monotonic,
        wall_ms: Callable[[], int] = lambda: int(time() * 1000),
    ) -> None:
        self._seconds, self._wall_ms = seconds, wall_ms
        self._at_ms, self._since = float(start_ms), seconds()
        self._speed, self._running = speed, True
        self._limit_ms = float("inf")
        self._changed = asyncio.Event()

    @property
    def speed(self) -> float:
        """Simulated seconds in one real second."""
        return self._speed

    @property
    def running(self) -> bool:
        """False while paused."""
        return self._running

    def now_ms(self) -> int:
        """The shop's present."""
        rate = self._speed if self._speed != MAX_SPEED else 1.0
        passed = (self._seconds() - self._since) * 1000 * rate if self._running else 0.0
        return int(min(self._at_ms + passed, max(self._at_ms, min(self._wall_ms(), self._limit_ms))))

    def set_speed(self, speed: float) -> None:
        """Goes on at this speed from now."""
        self._settle()
        self._speed = speed

    def pause(self) -> None:
        """Stands still."""
        self._settle()
        self._running = False

    def resume(self) -> None:
        """Goes on."""
        self._settle()
        self._running = True

    def hold(self, at_ms: float = float("inf")) -> None:
        """Does not pass this moment until it is told another one: the shop waits for what happens then."""
        self._settle()
        self._limit_ms = at_ms

    def advance_to(self, at_ms: int) -> None:
        """Jumps forward to this moment; does nothing where it is past."""
        if at_ms > self.now_ms():
            self._at_ms, self._since = float(at_ms), self._seconds()
            self._wake()

    async def reach(self, at_ms: int) -> None:
        """Returns when the clock shows `at_ms`: waits while paused, jumps at `MAX_SPEED`."""
        while not self._running or self.now_ms() < at_ms:
            if self._running and self._speed == MAX_SPEED:
                self.advance_to(at_ms)
                return
            left_s = (at_ms - self.now_ms()) / 1000 / self._speed if self._running else None
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left_s if left_s is None else max(left_s, 0.001))
            except TimeoutError:
                continue

    def _settle(self) -> None:
        self._at_ms, self._since = float(self.now_ms()), self._seconds()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
