"""The log as a worker reads it: what `rayce.stores.kafka_log.LogReader` and `MemoryLogReader` have in common."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Record(Protocol):
    """A record of the log. `key` and `value` are None where the sender gave none."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class Reader(Protocol):
    """Reads the partitions that it was told to; every call raises `Unavailable` when the log does not answer."""

    def begin(self, partition: int, offset: int) -> None:
        """Read this partition too, from there on (-1: from the earliest record); also to go back, and after a `pause`."""
        ...

    def pause(self, partition: int) -> None:
        """Read nothing of it until `begin`."""
        ...

    def leave(self, partition: int) -> None:
        """Read it no more; the others are not disturbed."""
        ...

    def fetch(self, timeout_ms: int) -> Mapping[int, Sequence[Record]]:
        """The next records by partition, in order; none where there are none in time."""
        ...

    def idle(self) -> None:
        """Attend to the connection without reading anything."""
        ...

    def commit(self, positions: dict[int, int], wait: bool) -> None:
        """Commit, by partition, the offset of the next record to read."""
        ...

    def committed_of(self, partition: int) -> int:
        """The committed position of a partition; -1 where none is."""
        ...

    def known_end(self) -> dict[int, int]:
        """End of the log by partition, as far as it is known."""
        ...

    def close(self) -> None:
        """Let the log go."""
        ...
