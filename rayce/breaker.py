"""A circuit breaker: a dependency that keeps failing is left alone for a moment, so that nobody waits for a broken part."""

from collections.abc import Callable

SLOW_PATIENCE_S = 0.1


class Breaker:
    """Closed until calls have failed for `patience_s` with no success in between; then open for `open_s` seconds of
    `clock`; then one caller may try.

    A dependency whose calls have all taken `slow_s` or longer for `SLOW_PATIENCE_S` counts as failing, too. One call that fails
    or is slow among others that do well opens nothing. Report failures of the dependency only: that a caller had
    less time than the call takes says nothing about it.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        open_s: float = 0.5,
        patience_s: float = 0.0,
        slow_s: float = float("inf"),
    ) -> None:
        self._clock = clock
        self._open_s = open_s
        self._patience_s = patience_s
        self._slow_s = slow_s
        self._failing_since: float | None = None
        self._slow_since: float | None = None
        self._until = float("-inf")

    def allows(self) -> bool:
        """Whether to call now. While half open, only the first caller is let through until it has reported."""
        now = self._clock()
        if now < self._until:
            return False
        if self.is_open:
            self._until = now + self._open_s
        return True

    def is_slow(self, took_s: float) -> bool:
        """Whether a call that takes so long took too long."""
        return took_s >= self._slow_s

    def succeeded(self, took_s: float = 0.0) -> None:
        """The call went well: close, unless it took too long."""
        self._failing_since = None
        if not self.is_slow(took_s):
            self._slow_since = None
            self._until = float("-inf")
            return
        now = self._clock()
        if self._slow_since is None:
            self._slow_since = now
        if self.is_open or now - self._slow_since >= SLOW_PATIENCE_S:
            self._until = now + self._open_s

    def failed(self) -> None:
        """The call failed: open, if they have done so for long enough."""
        now = self._clock()
        if self._failing_since is None:
            self._failing_since = now
        if self.is_open or now - self._failing_since >= self._patience_s:
            self._until = now + self._open_s

    @property
    def is_open(self) -> bool:
        """Whether the dependency counts as away."""
        return self._until != float("-inf")
