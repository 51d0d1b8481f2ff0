"""The change bus as one process hears it: whose state, flags or consent changed in hot memory, told to this process' caches.

Nothing is missed while it hears: a writer tells after it has written, and what is told comes in order over a connection that is
probed. Whoever cannot be sure to hear (the connection broke, or said nothing for `SILENT_S`) keeps nothing and trusts nothing.
"""

from collections.abc import Callable
from typing import Protocol

from rayce.pseudonym import DIGEST_BYTES

SILENT_S = 0.5
"""Two probes that went unanswered: from then on what is kept may be out of date."""

Clock = Callable[[], float]


class Dropping(Protocol):
    """A cache that keeps what belongs to people. Called on the event loop, once for each person who changed."""

    def drop(self, digest: bytes) -> None:
        """Forget what is kept of the person with this digest, and keep nothing that was read before now."""
        ...

    def clear(self) -> None:
        """Forget all, and keep nothing that was read before now."""
        ...


class ChangeBus:
    """Implements `rayce.stores.interfaces.Hearing`. Belongs to one event loop; silent until somebody listens for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._caches: list[Dropping] = []
        self._hears = False
        self._heard_s = 0.0
        self.told_total = 0
        """People told of so far."""
        self.deaf_total = 0
        """Times that it went deaf."""

    def attach(self, cache: Dropping) -> None:
        """From now on the cache is told."""
        self._caches.append(cache)

    def is_deaf(self, now_s: float) -> bool:
        """Whether a change may have been missed, by the clock that was given: then nothing kept may be used."""
        return not self._hears or now_s - self._heard_s > SILENT_S

    def hears_now(self) -> bool:
        """Whether nothing can have been missed."""
        return not self.is_deaf(self._clock())

    def hears(self, hears: bool) -> None:
        """Whether changes are told from now on; either way what was kept before is forgotten."""
        if self._hears and not hears:
            self.deaf_total += 1
        self._hears = hears
        self._heard_s = self._clock()
        for cache in self._caches:
            cache.clear()

    def heard(self, at_s: float) -> None:
        """The bus was alive at that moment: all that was told before it has been handed on."""
        self._heard_s = at_s

    def told(self, digests: bytes) -> None:
        """These people changed: digests one after another. What is no such thing drops everything, to be safe."""
        if len(digests) % DIGEST_BYTES:
            for cache in self._caches:
                cache.clear()
            return
        self.told_total += len(digests) // DIGEST_BYTES
        for at in range(0, len(digests), DIGEST_BYTES):
            digest = digests[at : at + DIGEST_BYTES]
            for cache in self._caches:
                cache.drop(digest)
