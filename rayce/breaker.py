"""A circuit breaker: after a failure a dependency is left alone for a moment, so that nobody waits for a broken part."""

from collections.abc import Callable


class Breaker:
    """Closed until `failed()`; then open for `open_s` seconds of `clock`; then one caller may try."""

    def __init__(self, clock: Callable[[], float], open_s: float = 0.5) -> None:
        self._clock = clock
        self._open_s = open_s
        self._until = float("-inf")

    def allows(self) -> bool:
        """Whether to call now. While half open, only the first caller is let through until it has reported."""
        now = self._clock()
        if now < self._until:
            return False
        if self._until != float("-inf"):
            self._until = now + self._open_s
        return True

    def succeeded(self) -> None:
        """The call went well: close."""
        self._until = float("-inf")

    def failed(self) -> None:
        """The call failed: open."""
        self._until = self._clock() + self._open_s

    @property
    def is_open(self) -> bool:
        """Whether the dependency counts as away."""
        return self._until != float("-inf")
