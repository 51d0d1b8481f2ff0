"""Sessions as they happen: what comes in through the log is heard by the next question, a second or so later.

One thread of the replica follows the log and adds to the sessions of the live shelves what came after they were built; a new
shelf is given the same at once. Brokers that are away are waited for, and questions are answered from what is there.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from rayce.decay import MINUTE_MS
from rayce.errors import Unavailable
from rayce.generations import Loaded
from rayce.metrics import Metrics
from rayce.session_neighbours import Sessions
from rayce.session_stream import RecentSessions, telling

RENEW_S, WAIT_MS, AGAIN_S = 1.0, 500, 1.0
OVERLAP_MS = 30 * MINUTE_MS
"""How much before the end of what was built is read as well: who had touched but one product by then is not among it."""
BUSY_SHARE = 0.25
"""Of the time that catching up may take; the rest is for questions."""

Shelves = Callable[[], Mapping[str, Loaded]]
"""The live shelves by tenant."""


class EventReader(Protocol):
    """What reads the log: see `rayce.stores.kafka_log.LogReader`."""

    def at_time(self, at_ms: int) -> dict[int, int]:
        """By partition, the offset of the first record of that moment or later."""
        ...

    def begin(self, partition: int, offset: int) -> None:
        """Go on there."""
        ...

    def fetch(self, timeout_ms: int) -> Mapping[int, Sequence[Any]]:
        """The next records by partition."""
        ...

    def close(self) -> None:
        """No more."""
        ...


class LiveSessions:
    """Recent sessions by tenant, and the shelves that hear of them. For one thread; questions come on another."""

    def __init__(self, shelves: Shelves, most_rows: int, metrics: Metrics) -> None:
        """At most `most_rows` rows (a product of an event) of each tenant that has a shelf."""
        self._shelves = shelves
        self._most_rows = most_rows
        self._metrics = metrics
        self._recent: dict[str, RecentSessions] = {}
        self._new: set[str] = set()
        self._told: dict[str, tuple[object, object]] = {}

    def take(self, values: Iterable[bytes]) -> bool:
        """Records of the log, in order; whether somebody must be forgotten, so that `renew` cannot wait."""
        urgent, count, shelves = False, 0, self._shelves()
        for happened in telling(values):
            tenant = happened.tenant
            recent = self._recent.get(tenant)
            if recent is None:
                if tenant not in shelves:
                    continue
                recent = self._recent[tenant] = RecentSessions(self._most_rows)
            urgent |= recent.take(happened)
            self._new.add(tenant)
            count += 1
        self._metrics.add("rayce_session_events_total", count)
        return urgent

    def renew(self) -> None:
        """From now on the shelves' sessions are those of all that was taken."""
        for tenant, loaded in self._shelves().items():
            recent, shelf = self._recent.get(tenant), loaded.value
            sessions: Sessions | None = shelf.sessions
            if recent is None or sessions is None:
                continue
            told = self._told.get(tenant, (None, None))
            if tenant in self._new or told[0] is not sessions or told[1] is not shelf.number:
                sessions.renew(recent.fresh(shelf.number), len(shelf.ids))
                self._told[tenant] = (sessions, shelf.number)
        self._new.clear()
        self._metrics.set("rayce_session_rows", sum(map(len, self._recent.values())))

    def since_ms(self, earliest_ms: int) -> int:
        """From when on the log has to be read: what was built knows all before, up to an overlap; not before `earliest_ms`."""
        ends = []
        for loaded in self._shelves().values():
            sessions = loaded.value.sessions
            ends.append(sessions.until_ms - OVERLAP_MS if sessions is not None else 0)
        return max(min(ends, default=0), earliest_ms)


class SessionFollower:
    """Follows the log on a thread of its own."""

    def __init__(
        self,
        live: LiveSessions,
        open_reader: Callable[[], EventReader],
        earliest_ms: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        failed: Callable[[], object] = lambda: None,
    ) -> None:
        """`open_reader` raises `Unavailable` while no broker answers; `failed` is called for each time."""
        self._live, self._open_reader, self._earliest_ms = live, open_reader, earliest_ms
        self._clock, self._failed = clock, failed
        self._reached: dict[int, int] = {}
        self._renewed_s = float("-inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sessions", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End, when what is being waited for has come or its time is over."""
        self._stop.set()

    def follow(self) -> None:
        """Reads from where it stands until it is stopped; `Unavailable` where the brokers do not answer."""
        reader = self._open_reader()
        try:
            for partition, offset in (reader.at_time(self._live.since_ms(self._earliest_ms())) | self._reached).items():
                self._reached[partition] = offset
                reader.begin(partition, offset)
            while not self._stop.is_set():
                self.step(reader)
        finally:
            reader.close()

    def step(self, reader: EventReader) -> None:
        """One fetch, and a renewal where one is due."""
        fetched = reader.fetch(WAIT_MS)
        began_s = self._clock()
        for partition, records in fetched.items():
            self._reached[partition] = records[-1].offset + 1  # first: what should ever break it is not met again
        urgent = self._live.take(record.value for records in fetched.values() for record in records)
        now_s = self._clock()
        if urgent or now_s - self._renewed_s >= RENEW_S:
            self._live.renew()
            self._renewed_s = now_s
        if fetched:
            self._stop.wait(min((self._clock() - began_s) * (1 / BUSY_SHARE - 1), RENEW_S))

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.follow()
            except Unavailable:
                self._failed()
            except Exception:  # whatever is wrong with an event or a shelf must not end it: counted, and on from there
                self._failed()
            self._stop.wait(AGAIN_S)
