"""Where blocking work of the administration is done: one thread of its own, one thing after another, each with a deadline.

It never takes a thread that requests wait for, and two changes of one replica never overlap.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

from deployments.edge.problems import Problem

T = TypeVar("T")

WITHIN_S: Final = 10.0
MAX_WAITING: Final = 16
"""Calls at once; who comes then is told to come again."""
LATE = "not done in time; it may be done yet, so look before you send it again"
FULL = "too many calls of the administration at once; try again"


class Desk:
    """Belongs to one event loop. Its thread starts with the first call."""

    def __init__(self, within_s: float = WITHIN_S) -> None:
        self._within_s = within_s
        self._executor = ThreadPoolExecutor(1, "admin")
        self._waiting: list[Future[Any]] = []

    async def do(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises; a `Problem` 503 where it takes too long, or too many wait."""
        self._waiting = [each for each in self._waiting if not each.done()]
        if len(self._waiting) >= MAX_WAITING:
            raise Problem(503, FULL)
        given = self._executor.submit(work)
        self._waiting.append(given)
        try:
            async with asyncio.timeout(self._within_s):
                return await asyncio.wrap_future(given)  # cancelled before its turn, it is not begun
        except TimeoutError:
            raise Problem(503, LATE) from None
