"""A breaker for asyncio: to find out whether a dependency is back costs no caller anything, a probe does it by itself."""

import asyncio
from collections.abc import Awaitable, Callable

from rayce.breaker import Breaker


class Gate:
    """While the breaker is open every caller is turned away at once; now and then one of them leaves a probe behind.

    At most one probe is under way. Belongs to one event loop.
    """

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker
        self._probe: asyncio.Task[None] | None = None

    def allows(self, probe: Callable[[], Awaitable[object]]) -> bool:
        """Whether to call now. Where not, `probe()` may be started in the background; how it ends opens or closes."""
        if not self._breaker.is_open:
            return True
        if (self._probe is None or self._probe.done()) and self._breaker.allows():
            self._probe = asyncio.get_running_loop().create_task(self._try(probe))
        return False

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
        try:
            await probe()
        except Exception:  # whatever it is, the dependency does not work: it is left alone for another moment
            self._breaker.failed()
        else:
            self._breaker.succeeded()
