"""The log in one process' memory: for tests and for trying things out. It keeps the same promises, but nothing on disk."""

import threading
from collections.abc import Mapping, Sequence
from zlib import crc32

from rayce.errors import Unavailable
from rayce.stores.interfaces import CHANGES, EVENTS, Record


class MemoryLog:
    """Topics with partitions, written as `LogWriter` does; `reader` gives what reads `rayce.events` as `LogReader` does.

    Committed positions live here, as with brokers: a reader may be dropped and another one made. `away` makes every call
    raise `Unavailable`.
    """

    def __init__(self, partitions: int = 4) -> None:
        self.away = False
        self.committed: dict[int, int] = {}
        self.announced: dict[int, int] = {}
        """Position of the announcements by partition."""
        self._openings: dict[int, int] = {}
        self._partitions = partitions
        self._topics: dict[str, list[list[Record]]] = {}
        self._lock = threading.Condition()

    async def write(self, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        """See `LogWriter.write`."""
        self.answer()
        with self._lock:
            for key, value in records:
                self._append(topic, crc32(key.encode()) % self._partitions, value, key.encode(), ())
            self._lock.notify_all()

    def write_now(
        self, topic: str, value: bytes, headers: Sequence[tuple[str, bytes]] = (), key: bytes | None = None
    ) -> None:
        """See `LogWriter.write_now`."""
        self.write_all_now(topic, [(key, value)], headers)

    def write_all_now(
        self, topic: str, records: Sequence[tuple[bytes | None, bytes]], headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """See `LogWriter.write_all_now`."""
        self.answer()
        with self._lock:
            for key, value in records:
                self._append(topic, crc32(key or b"") % self._partitions if key else 0, value, key, headers)
            self._lock.notify_all()

    def connected(self) -> bool:
        """See `LogWriter.connected`."""
        return not self.away

    def read(self, partition: int, offset: int, limit: int, topic: str = EVENTS) -> list[Record]:
        """At most `limit` records of a partition from `offset` on."""
        self.answer()
        with self._lock:
            return self._topic(topic)[partition][offset : offset + limit]

    def wait(self, timeout_s: float) -> None:
        """Until something is written, or the time is over."""
        with self._lock:
            self._lock.wait(timeout_s)

    def end(self, partition: int, topic: str = EVENTS) -> int:
        """Offset of the next record of a partition."""
        return len(self._topic(topic)[partition])

    def reader(self, partitions: Sequence[int] = (), max_records: int = 500) -> "MemoryLogReader":
        """A reader that begins at the committed positions."""
        return MemoryLogReader(self, partitions, max_records)

    def announcer(self) -> "MemoryChangesWriter":
        """What announces changes of segments as `ChangesWriter` does."""
        return MemoryChangesWriter(self)

    def open_changes(self, partition: int) -> tuple[int, int]:
        """Shut out whoever announces for the partition; the number of this opening, and where the announcements stand."""
        self.answer()
        with self._lock:
            self._openings[partition] = self._openings.get(partition, 0) + 1
            return self._openings[partition], self.announced.get(partition, 0)

    def append_changes(
        self, partition: int, opening: int, announcements: Sequence[tuple[int, bytes, bytes]], reached: int
    ) -> None:
        """Announcements and position, all or nothing; `Unavailable` where another one has opened it since."""
        self.answer()
        with self._lock:
            if self._openings[partition] != opening:
                raise Unavailable("memory", "somebody else announces for the partition now")
            for offset, key, value in announcements:
                self._append(CHANGES, partition, value, key, [("position", f"{partition}:{offset}".encode())])
            self.announced[partition] = reached

    def answer(self) -> None:
        """Raise `Unavailable` where the log is away."""
        if self.away:
            raise Unavailable("memory", "switched away")

    def _append(
        self, topic: str, partition: int, value: bytes, key: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> None:
        records = self._topic(topic)[partition]
        records.append(Record(partition, len(records), value, key, tuple(headers)))

    def _topic(self, topic: str) -> list[list[Record]]:
        return self._topics.setdefault(topic, [[] for _ in range(self._partitions)])


class MemoryLogReader:
    """See `LogReader`."""

    def __init__(self, log: MemoryLog, partitions: Sequence[int], max_records: int) -> None:
        self._log = log
        self._max_records = max_records
        self._next = {partition: log.committed.get(partition, 0) for partition in partitions}
        self._paused: set[int] = set()

    def begin(self, partition: int, offset: int) -> None:
        """See `LogReader.begin`."""
        self._next[partition] = max(offset, 0)
        self._paused.discard(partition)

    def pause(self, partition: int) -> None:
        """See `LogReader.pause`."""
        self._paused.add(partition)

    def leave(self, partition: int) -> None:
        """See `LogReader.leave`."""
        del self._next[partition]
        self._paused.discard(partition)

    def idle(self) -> None:
        """See `LogReader.idle`."""

    def fetch(self, timeout_ms: int) -> Mapping[int, Sequence[Record]]:
        """See `LogReader.fetch`."""
        found: dict[int, list[Record]] = {}
        for record in self.poll(timeout_ms):
            found.setdefault(record.partition, []).append(record)
        return found

    def poll(self, timeout_ms: int) -> list[Record]:
        """See `LogReader.poll`."""
        found = self._read()
        if not found and timeout_ms:
            self._log.wait(timeout_ms / 1000)
            found = self._read()
        for record in found:
            self._next[record.partition] = record.offset + 1
        return found

    def commit(self, positions: dict[int, int], wait: bool) -> None:
        """See `LogReader.commit`."""
        self._log.answer()
        self._log.committed.update(positions)

    def committed(self) -> dict[int, int]:
        """See `LogReader.committed`."""
        self._log.answer()
        return {partition: self._log.committed.get(partition, -1) for partition in self._next}

    def committed_of(self, partition: int) -> int:
        """See `LogReader.committed_of`."""
        self._log.answer()
        return self._log.committed.get(partition, -1)

    def at_time(self, at_ms: int) -> dict[int, int]:
        """See `LogReader.at_time`; this log knows no times, so everything is later."""
        self._log.answer()
        return dict.fromkeys(self._next, 0)

    def known_end(self) -> dict[int, int]:
        """See `LogReader.known_end`."""
        return {partition: self._log.end(partition) for partition in self._next}

    def close(self) -> None:
        """See `LogReader.close`."""

    def _read(self) -> list[Record]:
        self._log.answer()
        found: list[Record] = []
        for partition, offset in self._next.items():
            if partition not in self._paused:
                found += self._log.read(partition, offset, self._max_records - len(found))
        return found


class MemoryChangesWriter:
    """See `rayce.stores.kafka_changes.ChangesWriter`."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._open: dict[int, tuple[int, int]] = {}

    def is_open(self, partition: int) -> bool:
        """See `ChangesWriter.is_open`."""
        return partition in self._open

    def open(self, partition: int) -> None:
        """See `ChangesWriter.open`."""
        self._open[partition] = self._log.open_changes(partition)

    def announce(self, partition: int, announcements: Sequence[tuple[int, bytes, bytes]]) -> None:
        """See `ChangesWriter.announce`."""
        opening, position = self._open[partition]
        new = [announcement for announcement in announcements if announcement[0] >= position]
        if new:
            try:
                self._log.append_changes(partition, opening, new, new[-1][0] + 1)
            except Unavailable:
                self.leave(partition)
                raise
            self._open[partition] = (opening, new[-1][0] + 1)

    def leave(self, partition: int) -> None:
        """See `ChangesWriter.leave`."""
        self._open.pop(partition, None)

    def close(self) -> None:
        """See `ChangesWriter.close`."""
        self._open.clear()
