"""Rows of hot memory kept in this process for a moment: who is asked for again is answered without a read.

Kept is only what hot memory has (never that it has nothing), only while the change bus hears, and only what was read with no
change of that person told meanwhile: a read that a change overtook may have seen what was before.
"""

from collections.abc import Callable

from rayce.change_bus import ChangeBus, Clock
from rayce.pseudonym import digest_of
from rayce.stores.interfaces import HotRow

JITTER = 0.25
"""Rows live between this much less than the time to live and all of it, so that what came together does not go together."""

Token = object


class RowsCache:
    """Bounded, the oldest row leaves first. Belongs to one event loop."""

    def __init__(self, bus: ChangeBus, ttl_s: float, most: int, clock: Clock, chance: Callable[[], float]) -> None:
        """`chance` gives numbers from 0 to 1."""
        self.bus = bus
        self._ttl_s = ttl_s
        self._most = most
        self._clock = clock
        self._chance = chance
        self._rows: dict[bytes, tuple[float, HotRow]] = {}
        self._reading: dict[bytes, Token] = {}
        self.hits = self.misses = 0
        bus.attach(self)

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, person: str) -> HotRow | None:
        """The row; None where it is not kept, too old, or the bus is deaf."""
        kept = self._rows.get(digest_of(person))
        if kept is not None:
            now_s = self._clock()
            if now_s < kept[0] and not self.bus.is_deaf(now_s):
                self.hits += 1
                return kept[1]
        return None

    def begin(self, person: str) -> Token:
        """To be called before a row is read; the token is for `keep` or `leave`."""
        token = object()
        self.misses += 1
        self._reading[digest_of(person)] = token
        return token

    def keep(self, person: str, token: Token, row: HotRow) -> None:
        """Keep what was read, unless a change of the person, or another read of it, came in between."""
        digest = digest_of(person)
        if self._reading.get(digest) is not token:
            return
        del self._reading[digest]
        now_s = self._clock()
        if row.consent is None or row.value is None or self.bus.is_deaf(now_s):
            return
        self._rows.pop(digest, None)
        while len(self._rows) >= self._most:
            del self._rows[next(iter(self._rows))]
        self._rows[digest] = (now_s + self._ttl_s * (1 - JITTER * self._chance()), row)

    def leave(self, person: str, token: Token) -> None:
        """The read came to nothing."""
        digest = digest_of(person)
        if self._reading.get(digest) is token:
            del self._reading[digest]

    def drop(self, digest: bytes) -> None:
        """See `Dropping.drop`."""
        self._rows.pop(digest, None)
        self._reading.pop(digest, None)

    def clear(self) -> None:
        """See `Dropping.clear`."""
        self._rows.clear()
        self._reading.clear()
