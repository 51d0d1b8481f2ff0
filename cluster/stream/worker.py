"""A partition worker: reads its partitions, folds, shows, makes durable, commits. In this order, so committed means all before.

    poll ▶ decode ▶ load the people not in memory ▶ fold ▶ show (Redis, at once)
                                                         ▶ flush (DynamoDB, every few hundred ms, in its own thread) ▶ commit

After a crash the successor starts at the committed position and passes over what each person's watermark says is folded.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from cluster.stream.flushing import Flusher
from cluster.stream.folding import Folding, Place
from cluster.stream.showing import Showing
from rayce.errors import Unavailable, UndecodableEvent
from rayce.event import Event, decode_event
from rayce.metrics import Metrics
from rayce.segments.catalogue import Catalogue
from rayce.segments.evaluation import Scorers
from rayce.settings import StreamSettings
from rayce.stores.interfaces import Durable, HotWriter

log = structlog.get_logger(__name__)

IDLE_POLL_MS = 50
PAUSE_S = 0.05
DRAIN_WITHIN_S = 5.0


class Record(Protocol):
    """A record of the log."""

    partition: int
    offset: int
    value: bytes


class Reader(Protocol):
    """The log as a worker reads it: see `rayce.stores.kafka_log.LogReader`."""

    def poll(self, timeout_ms: int) -> Sequence[Record]:
        """The next records, in order within each partition."""
        ...

    def commit(self, positions: dict[int, int], wait: bool) -> None:
        """Commit, by partition, the offset of the next record to read."""
        ...

    def known_end(self) -> dict[int, int]:
        """End of the log by partition, as far as it is known."""
        ...

    def committed(self) -> dict[int, int]:
        """Committed position by partition; -1 where none is."""
        ...

    def close(self) -> None:
        """Let the log go."""
        ...


class Worker:
    """Runs in the calling thread until `stop()`; raises `Fenced` when somebody else owns a partition."""

    def __init__(
        self,
        partitions: Sequence[int],
        reader: Reader,
        durable: Durable,
        hot: HotWriter,
        dead_letter: Callable[[Record, str], None],
        catalogue: Catalogue,
        models_of: Callable[[str], Scorers],
        settings: StreamSettings,
    ) -> None:
        self._settings = settings
        self._reader = reader
        self._dead_letter = dead_letter
        self.epochs = {partition: durable.acquire(partition) for partition in partitions}
        self._folding = Folding(durable, catalogue, models_of, settings.cached_users)
        self._showing = Showing(hot, self._folding.shown)
        self._flusher = Flusher(durable, self.epochs)
        self._next: dict[int, int] = {}
        self._durable_next: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self._stop = threading.Event()
        self._flushed_s = 0.0
        self._counts = dict.fromkeys(partitions, 0)
        self._dead: list[tuple[Record, str]] = []
        self.dead_letters = dict.fromkeys(partitions, 0)
        self.beat_s = time.monotonic()

    def stop(self) -> None:
        """Ask the worker to fold what it has, make it durable, commit, and return."""
        self._stop.set()

    def run(self) -> None:
        """The loop."""
        records: Sequence[Record] = ()
        try:
            self._begin()
            while not self._stop.is_set():
                self.beat_s = time.monotonic()
                try:
                    records = records or self._poll()
                    self._work(records)
                    records = ()
                    self._bury()
                except Unavailable as error:
                    log.warning("stream_paused", store=error.store, reason=error.reason)
                    self._stop.wait(PAUSE_S)
                self._tend()
            self._drain()
        finally:
            self._flusher.stop()
            self._reader.close()

    def _begin(self) -> None:
        while not self._stop.is_set():
            self.beat_s = time.monotonic()
            try:
                self._committed = {p: max(at, 0) for p, at in self._reader.committed().items()}
            except Unavailable as error:
                log.warning("stream_paused", store=error.store, reason=error.reason)
                self._stop.wait(PAUSE_S)
                continue
            self._next, self._durable_next = dict(self._committed), self._committed
            return

    def _poll(self) -> Sequence[Record]:
        """The next records; none while too much waits for a store or the dead letters (nothing is lost)."""
        waiting = max(len(self._folding.dirty), len(self._showing.waiting))
        if waiting > self._settings.max_dirty_users or self._dead:
            self._stop.wait(PAUSE_S)
            return ()
        return self._reader.poll(IDLE_POLL_MS)

    def _work(self, records: Sequence[Record]) -> None:
        if not records:
            return
        by_place = {(record.partition, record.offset): record for record in records}
        events: list[tuple[Place, Event]] = []
        dead: list[tuple[Record, str]] = []
        for place, record in by_place.items():
            try:
                events.append((place, decode_event(record.value)))
            except UndecodableEvent as error:
                dead.append((record, str(error)))
        self._showing.show(self._folding.fold(events))
        while self._folding.failed:
            place, reason = self._folding.failed.pop()
            dead.append((by_place[place], reason))
        self._dead += dead
        for record in records:
            self._next[record.partition] = record.offset + 1
            self._counts[record.partition] += 1

    def _bury(self) -> None:
        """Dead letters are written before anything after them is committed."""
        while self._dead:
            record, reason = self._dead[0]
            self._dead_letter(record, reason)
            log.error("dead_letter", partition=record.partition, offset=record.offset, reason=reason)
            self.dead_letters[record.partition] += 1
            del self._dead[0]

    def _tend(self) -> None:
        """What has to be done every now and then."""
        if self._flusher.ended is not None:
            raise self._flusher.ended
        now = time.monotonic()
        if self._flusher.idle and now - self._flushed_s >= self._settings.flush_interval_ms / 1000:
            self._flushed_s = now
            self._flush()
        self._commit(wait=False)
        self._showing.catch_up(self._statuses)

    def _flush(self) -> None:
        if self._next != self._durable_next and not self._dead:
            reached = dict(self._next)

            def done() -> None:
                self._folding.flushed()
                self._durable_next = reached

            self._flusher.flush(self._folding.take_dirty(), done)

    def _commit(self, wait: bool) -> None:
        reached = self._durable_next
        if reached != self._committed:
            try:
                self._reader.commit(reached, wait)
            except Unavailable as error:
                log.warning("commit_failed", reason=error.reason)
                return
            self._committed = reached

    def _statuses(self) -> dict[str, bytes]:
        ends = self._reader.known_end()
        return {f"stream:{p}": self._status(p, ends.get(p)).to_bytes() for p in self.epochs}

    def _status(self, partition: int, end: int | None) -> Metrics:
        """How the partition is doing: counts since this worker started, lags in events (-1: not known yet)."""
        told = Metrics()
        place = (str(partition),)
        told.set("rayce_stream_events_total", self._counts[partition], *place)
        told.set("rayce_stream_dead_letters_total", self.dead_letters[partition], *place)
        told.set("rayce_stream_epoch", self.epochs[partition], *place)
        told.set("rayce_stream_lag_events", -1 if end is None else end - self._next[partition], *place)
        told.set("rayce_stream_durable_lag_events", -1 if end is None else end - self._durable_next[partition], *place)
        told.set("rayce_stream_waiting_for_hot_users", len(self._showing.waiting), *place)
        told.set("rayce_stream_waiting_for_durable_users", len(self._folding.dirty), *place)
        return told

    def _drain(self) -> None:
        """Order matters: what is folded becomes durable, then the position is committed, then the log is let go."""
        if self._flusher.wait(DRAIN_WITHIN_S) and self._flusher.ended is None:
            self._flush()
            self._flusher.wait(DRAIN_WITHIN_S)
        if self._flusher.ended is not None:
            raise self._flusher.ended
        self._committed = {}
        self._commit(wait=True)
