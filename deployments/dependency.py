"""What a reply may be made without, as it is asked: with a deadline, and not at all while it is away or slow."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from rayce.breaker import Breaker
from rayce.errors import Unavailable
from rayce.gate import Gate
from rayce.metrics import Metrics

Q = TypeVar("Q")
A = TypeVar("A")

PATIENCE_S = 0.05
"""What has failed for this long without a success in between is left alone for a moment."""


class Dependency(Generic[Q, A]):
    """Asks, and remembers whether there were answers. Failures are counted as `rayce_failures_total{dependency=name}`."""

    def __init__(
        self,
        name: str,
        call: Callable[[Q], Awaitable[A]],
        usual_s: float,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        """Who has less time than `usual_s` and gets no answer has learnt nothing of the dependency."""
        self._name = name
        self._call = call
        self._usual_s = usual_s
        self._metrics = metrics
        self._gate = Gate(Breaker(clock, patience_s=PATIENCE_S))
        self._waiting: set[asyncio.Timeout] = set()

    async def ask(self, question: Q, deadline_s: float) -> A:
        """The answer. `Unavailable` where none came in time: it died, is overloaded or late, or is not there at all.

        While it is away that is said at once, also to who is waiting by then; whether it is back is found out by a call in the
        background, with the same deadline: what comes later than anybody waits is as good as away.
        """
        if not self._gate.allows(lambda: self._in_time(question, deadline_s)):
            raise Unavailable(self._name, "left alone after failures")
        try:
            answer = await self._in_time(question, deadline_s)
        except TimeoutError:
            self._failed(counts=deadline_s >= self._usual_s)
            raise Unavailable(self._name, f"no answer within {deadline_s:.3f} s") from None
        except Exception as error:  # whatever went wrong over there, this reply takes another way: counted
            self._failed(counts=True)
            raise Unavailable(self._name, str(error) or type(error).__name__) from None
        self._gate.succeeded()
        return answer

    async def _in_time(self, question: Q, deadline_s: float) -> A:
        async with asyncio.timeout(deadline_s) as limit:
            self._waiting.add(limit)
            try:
                return await self._call(question)
            finally:
                self._waiting.discard(limit)

    def _failed(self, counts: bool) -> None:
        self._metrics.add("rayce_failures_total", 1, self._name)
        if counts:
            self._gate.failed()
        if self._gate.is_open:
            waiting, self._waiting = self._waiting, set()
            for limit in waiting:
                if not limit.expired():
                    limit.reschedule(0.0)
