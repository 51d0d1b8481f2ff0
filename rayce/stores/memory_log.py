"""The log in one process' memory: for tests and for trying things out. It keeps the same promises, but nothing on disk."""

import threading
from collections.abc import Sequence
from zlib import crc32

from rayce.errors import Unavailable
from rayce.stores.interfaces import EVENTS, Record


class MemoryLog:
    """Topics with partitions, written as `LogWriter` does; `reader` gives what reads `rayce.events` as `LogReader` does.

    Committed positions live here, as with brokers: a reader may be dropped and another one made. `away` makes every call
    raise `Unavailable`.
    """

    def __init__(self, partitions: int = 4) -> None:
        self.away = False
        self.committed: dict[int, int] = {}
        self._partitions = partitions
        self._topics: dict[str, list[list[bytes]]] = {}
        self._lock = threading.Condition()

    async def write(self, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
        """See `LogWriter.write`."""
        self.answer()
        with self._lock:
            for key, value in records:
                self._topic(topic)[crc32(key.encode()) % self._partitions].append(value)
            self._lock.notify_all()

    def write_now(self, topic: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """See `LogWriter.write_now`; headers are not kept."""
        self.answer()
        with self._lock:
            self._topic(topic)[0].append(value)
            self._lock.notify_all()

    def connected(self) -> bool:
        """See `LogWriter.connected`."""
        return not self.away

    def read(self, partition: int, offset: int, limit: int, topic: str = EVENTS) -> list[Record]:
        """At most `limit` records of a partition from `offset` on."""
        self.answer()
        with self._lock:
            values = self._topic(topic)[partition][offset : offset + limit]
        return [Record(partition, at, value) for at, value in enumerate(values, offset)]

    def wait(self, timeout_s: float) -> None:
        """Until something is written, or the time is over."""
        with self._lock:
            self._lock.wait(timeout_s)

    def end(self, partition: int) -> int:
        """Offset of the next record of a partition of `rayce.events`."""
        return len(self._topic(EVENTS)[partition])

    def reader(self, partitions: Sequence[int], max_records: int = 500) -> "MemoryLogReader":
        """A reader that begins at the committed positions."""
        return MemoryLogReader(self, partitions, max_records)

    def answer(self) -> None:
        """Raise `Unavailable` where the log is away."""
        if self.away:
            raise Unavailable("memory", "switched away")

    def _topic(self, topic: str) -> list[list[bytes]]:
        return self._topics.setdefault(topic, [[] for _ in range(self._partitions)])


class MemoryLogReader:
    """See `LogReader`."""

    def __init__(self, log: MemoryLog, partitions: Sequence[int], max_records: int) -> None:
        self._log = log
        self._max_records = max_records
        self._next = {partition: log.committed.get(partition, 0) for partition in partitions}

    def poll(self, timeout_ms: int) -> list[Record]:
        """See `LogReader.poll`."""
        found = self._read()
        if not found:
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

    def known_end(self) -> dict[int, int]:
        """See `LogReader.known_end`."""
        return {partition: self._log.end(partition) for partition in self._next}

    def close(self) -> None:
        """Nothing to let go."""

    def _read(self) -> list[Record]:
        found: list[Record] = []
        for partition, offset in self._next.items():
            found += self._log.read(partition, offset, self._max_records - len(found))
        return found
