"""Makes folded profiles visible in hot memory, and makes up for it when hot memory was away or was emptied."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile

from cluster.stream.trimming import Trimming
from rayce.breaker import Breaker
from rayce.errors import Unavailable
from rayce.stores.interfaces import HotWriter, Shown

BATCH = 500
LOOK_EVERY_S = 1.0
RECENT_S = 30.0
"""Longer than a Redis Cluster takes to fail over (15 s until a node counts as dead by default): what its dead master had
acknowledged in that time may be lost."""


class Showing:
    """Writes rows at once. What could not be written waits here (the newest row of a person) until it can.

    When hot memory was emptied, or a part of it was taken over by a replica that may lack the last writes, what was shown
    within the last seconds is shown again: what is there may be older. Whoever is not in memory any more is durable, and is
    forgotten there, so that readers fetch the durable state.
    """

    def __init__(
        self, hot: HotWriter, look_up: Callable[[Sequence[str]], list[Shown]], trimming: Trimming | None = None
    ) -> None:
        """`trimming` gets whom nothing was shown of lately, and its turn when there is nothing to show."""
        self._hot = hot
        self._look_up = look_up
        self._trimming = trimming
        self._breaker = Breaker(time.monotonic)
        self._incarnation = ""
        self._next_look_s = 0.0
        self._recent: dict[str, float] = {}
        self.waiting: dict[str, Shown] = {}

    @property
    def trimmed(self) -> int:
        """People whose expired flags were taken out."""
        return self._trimming.trimmed if self._trimming is not None else 0

    def show(self, rows: Sequence[Shown]) -> None:
        """Make the rows visible now, or as soon as hot memory is back."""
        if self.waiting or not self._write(rows):
            for row in rows:
                earlier = self.waiting.get(row.person)
                if earlier is not None:
                    row = row._replace(consent=row.consent or earlier.consent, listing=row.listing or earlier.listing)
                self.waiting[row.person] = row
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
        if self._trimming is not None and not self._breaker.is_open:
            try:
                self._trimming.turn(now, self._recent)
            except Unavailable:
                self._breaker.failed()

    def drop(self, persons: Iterable[str]) -> None:
        """Show nothing more of people who are somebody else's now: what waits here would overtake what he shows."""
        for person in persons:
            self.waiting.pop(person, None)
            self._recent.pop(person, None)

    def _look(self, now: float, statuses: Callable[[], Mapping[str, bytes]]) -> None:
        try:
            self._hot.put_status(statuses())
            incarnation = self._hot.incarnation()
        except Unavailable:
            self._breaker.failed()
            return
        self._breaker.succeeded()
        if self._incarnation and incarnation != self._incarnation:
            self.waiting.update({person: Shown(person, None, None) for person in self._recent})
            self.waiting.update({row.person: row for row in self._look_up(list(self._recent))})
        self._incarnation = incarnation
        # Only now: while memory is away nobody knows yet what of it will be lost.
        settled = [p for p, _at in takewhile(lambda entry: entry[1] < now - RECENT_S, self._recent.items())]
        for person in settled:
            del self._recent[person]
        if self._trimming is not None:
            self._trimming.add(settled)

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
