"""The log as the lake's writer reads it: `rayce.stores.kafka_bulk.BulkReader` is one."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from rayce.lake.records import Chunk


class Source(Protocol):
    """All partitions of one topic. Every call raises `Unavailable` where the log does not answer."""

    def bounds(self) -> dict[int, tuple[int, int]]:
        """By partition, the offset of the earliest record that is kept, and of the next one to come. Asks the brokers."""
        ...

    def begin(self, starts: Mapping[int, int]) -> None:
        """Read these partitions, from there on, and nothing that was fetched before."""
        ...

    def fetch(self, timeout_s: float) -> Sequence[Chunk]:
        """The next records, in order within each partition; none where there are none in time."""
        ...

    def ends(self) -> Mapping[int, int]:
        """End of each partition as far as it is known; costs nothing."""
        ...

    def close(self) -> None:
        """Let the log go."""
        ...
