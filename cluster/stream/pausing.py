"""Pauses of a worker: told once when they begin, counted, and how long they were."""

from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Pauses:
    """At most one at a time; `store` is what is waited for."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._store: str | None = None
        self._since_s = 0.0
        self.counts: dict[str, int] = {}
        self.seconds: dict[str, float] = {}

    def begin(self, store: str, reason: str) -> None:
        """Something is waited for; repeated calls are the same pause."""
        if self._store == store:
            return
        self.end()
        self._store, self._since_s = store, self._clock()
        self.counts[store] = self.counts.get(store, 0) + 1
        log.warning("stream_paused", store=store, reason=reason)

    def end(self) -> None:
        """Nothing is waited for any more."""
        if self._store is not None:
            self.seconds[self._store] = self.seconds.get(self._store, 0.0) + self._clock() - self._since_s
            log.info("stream_resumed", store=self._store)
            self._store = None
