"""Makes folded profiles visible in hot memory, and makes up for it when hot memory was away or was emptied."""

import time
from collections.abc import Callable, Mapping, Sequence

from rayce.breaker import Breaker
from rayce.errors import Unavailable
from rayce.stores.interfaces import HotWriter, Shown

BATCH = 500
LOOK_EVERY_S = 1.0
RECENT_S = 10.0


class Showing:
    """Writes rows at once. What could not be written waits here (the newest row of a person) until it can.

    When hot memory was emptied, what was shown within the last seconds is shown again: readers may have put back an older
    state from durable memory in between.
    """

    def __init__(self, hot: HotWriter, look_up: Callable[[Sequence[str]], list[Shown]]) -> None:
        self._hot = hot
        self._look_up = look_up
        self._breaker = Breaker(time.monotonic)
        self._incarnation = ""
        self._next_look_s = 0.0
        self._recent: dict[str, float] = {}
        self.waiting: dict[str, Shown] = {}

    def show(self, rows: Sequence[Shown]) -> None:
        """Make the rows visible now, or as soon as hot memory is back."""
        if self.waiting or not self._write(rows):
            for row in rows:
                earlier = self.waiting.get(row.person)
                consent = row.consent or (earlier.consent if earlier else None)
                self.waiting[row.person] = row._replace(consent=consent)
        now = time.monotonic()
        for row in rows:
            self._recent.pop(row.person, None)
            self._recent[row.person] = now

    def catch_up(self, statuses: Callable[[], Mapping[str, bytes]]) -> None:
        """Call often: shows what has been waiting; now and then tells the statuses and looks whether memory was emptied."""
        while self.waiting:
            batch = list(self.waiting.values())[:BATCH]
            if not self._write(batch):
                return
            for row in batch:
                del self.waiting[row.person]
        now = time.monotonic()
        if now >= self._next_look_s and self._breaker.allows():
            self._next_look_s = now + LOOK_EVERY_S
            self._look(now, statuses)

    def _look(self, now: float, statuses: Callable[[], Mapping[str, bytes]]) -> None:
        for person in [p for p, at in self._recent.items() if at < now - RECENT_S]:
            del self._recent[person]
        try:
            self._hot.put_status(statuses())
            incarnation = self._hot.incarnation()
        except Unavailable:
            self._breaker.failed()
            return
        self._breaker.succeeded()
        if self._incarnation and incarnation != self._incarnation:
            self.waiting.update({row.person: row for row in self._look_up(list(self._recent))})
        self._incarnation = incarnation

    def _write(self, rows: Sequence[Shown]) -> bool:
        if not rows:
            return True
        if not self._breaker.allows():
            return False
        try:
            self._hot.show(rows)
        except Unavailable:
            self._breaker.failed()
            return False
        self._breaker.succeeded()
        return True
