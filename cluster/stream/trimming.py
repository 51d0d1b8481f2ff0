"""Takes short-lived flags that have expired out of hot memory: they are not read any more, but their bytes are paid for.

Done for people whom the worker has in memory and has not shown for a while; whom it has forgotten, `jobs.trim_hot_view` finds.
Replaced is only what is still as it was shown, so nothing newer is lost, whoever wrote it.
"""

from collections.abc import Callable, Container, Iterable
from heapq import heappop, heappush

from rayce.segments.flags import lean_flags, unpack_flags
from rayce.stores.interfaces import HotWriter, Lean

BATCH, EVERY_S = 50, 0.1
"""So many at once, so often: 500 a second, and no row waits for more than one batch (about a millisecond)."""


class Trimming:
    """People by the moment when their last short-lived flag ends. Bounded: one entry a person, at most `max_people`."""

    def __init__(
        self,
        hot: HotWriter,
        latest: Callable[[str], int],
        packed: Callable[[str], bytes | None],
        max_people: int,
        now_ms: Callable[[], int],
    ) -> None:
        """Of people in memory `latest` says when the last short-lived flag ends (s; 0: none there), `packed` what is shown."""
        self._hot = hot
        self._latest = latest
        self._packed = packed
        self._max_people = max_people
        self._now_ms = now_ms
        self._due: list[tuple[int, int, str]] = []
        self._queued: set[str] = set()
        self._next_s = 0.0
        self.trimmed = 0
        """People whose flags were made leaner."""

    def __len__(self) -> int:
        return len(self._due)

    def add(self, persons: Iterable[str]) -> None:
        """These have not been shown for a while: trim them when the time has come."""
        now_s = self._now_ms() // 1000
        for person in persons:
            latest = self._latest(person)
            if latest and person not in self._queued and len(self._due) < self._max_people:
                self._push(max(latest, now_s), now_s, person)

    def turn(self, clock_s: float, fresh: Container[str]) -> None:
        """Call often: trims a few now and then. Who is `fresh` was shown of late, and will be added again. `Unavailable`."""
        if clock_s < self._next_s or not self._due:
            return
        self._next_s = clock_s + EVERY_S
        now_s = self._now_ms() // 1000
        rows: list[Lean] = []
        for _n in range(BATCH):
            if not self._due or self._due[0][0] > now_s:
                break
            _due_s, since_s, person = heappop(self._due)
            self._queued.discard(person)
            had = None if person in fresh else self._packed(person)
            if had is None:
                continue
            ready_s = _ready_s(had, since_s)
            if ready_s > now_s:
                self._push(ready_s, since_s, person)
                continue
            lean = lean_flags(had, now_s)
            if lean != had:
                rows.append(Lean(self._hot.place(person), had, lean))
        if rows:
            self.trimmed += self._hot.trim(rows)

    def _push(self, due_s: int, since_s: int, person: str) -> None:
        heappush(self._due, (due_s, since_s, person))
        self._queued.add(person)


def _ready_s(flags: bytes, since_s: int) -> int:
    """When all have ended, by the events' time and by ours.

    An event of long ago that is folded only now (a replay) sets flags that have ended by the clock; whoever follows the replay
    asks as of its time, so they stay for as long as they would have lasted.
    """
    found = unpack_flags(flags, since_s)
    latest = max((until for _bit, until in found.short_lived), default=0)
    return max(latest, since_s + min(latest - found.as_of_s, latest)) if latest else 0
