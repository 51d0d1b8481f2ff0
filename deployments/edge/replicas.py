"""Replicas of one deployment as the edge asks them: with a deadline, and not at all while they are away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from rayce.breaker import Breaker
from rayce.errors import Unavailable
from rayce.gate import Gate
from rayce.metrics import Metrics

Q = TypeVar("Q")
A = TypeVar("A")

PATIENCE_S = 0.05
"""Replicas that have failed for this long without a success in between are left alone for a moment."""


class Replicas:
    """Asks, and remembers whether they answer. Failures are counted as `rayce_failures_total{dependency=name}`."""

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self._name = name
        self._gate = Gate(Breaker(clock, patience_s=PATIENCE_S))

    async def ask(
        self, call: Callable[[Q], Awaitable[A]], question: Q, deadline_s: float, metrics: Metrics, usual_s: float = 0.0
    ) -> A:
        """The answer. `Unavailable` where none came in time: a replica died, is overloaded or late, or none is there.

        While they are away that is said at once; who finds out whether they are back is a call in the background. That a caller
        had less time than is usual says nothing about them.
        """

        async def in_time() -> A:
            async with asyncio.timeout(deadline_s):
                return await call(question)

        if not self._gate.allows(in_time):
            raise Unavailable(self._name, "left alone after failures")
        try:
            answer = await in_time()
        except TimeoutError:
            if deadline_s >= usual_s:
                self._gate.failed()
            metrics.add("rayce_failures_total", 1, self._name)
            raise Unavailable(self._name, f"no answer within {deadline_s:.3f} s") from None
        except Exception as error:  # whatever went wrong over there, this reply takes another way: counted
            self._gate.failed()
            metrics.add("rayce_failures_total", 1, self._name)
            raise Unavailable(self._name, str(error) or type(error).__name__) from None
        self._gate.succeeded()
        return answer
