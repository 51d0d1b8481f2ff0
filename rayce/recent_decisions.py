"""The last decisions of a kind from the log of decisions, read backwards in growing steps until there are enough."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from rayce.decision import Decision, decode_decision
from rayce.errors import InvalidInput
from rayce.stores.interfaces import Record

MAX_READ = 200_000
"""Records that are looked at, at most: what is asked for may be rare."""


class Reader(Protocol):
    """What reads partitions of a topic; see `rayce.stores.kafka_log.LogReader`."""

    def begin(self, partition: int, offset: int) -> None:
        """Read from there on."""
        ...

    def end(self) -> dict[int, int]:
        """End of the log by partition."""
        ...

    def read_until(self, end: Mapping[int, int]) -> Iterator[Record]:
        """From where the reader stands to these offsets."""
        ...


def recent_decisions(
    reader: Reader, wanted: Callable[[Decision], bool], most: int, max_read: int = MAX_READ
) -> list[Decision]:
    """At most so many, the newest of them, in order of their moments. What cannot be read is passed over. `Unavailable`."""
    upto = reader.end()
    step = max(100, most)
    found: list[Decision] = []
    looked_at = 0
    while any(upto.values()) and len(found) < most and looked_at < max_read:
        begin = {partition: max(0, offset - step) for partition, offset in upto.items()}
        for partition, offset in begin.items():
            reader.begin(partition, offset)
        for record in reader.read_until(upto):
            looked_at += 1
            decision = _decoded(record.value)
            if decision is not None and wanted(decision):
                found.append(decision)
        upto, step = begin, step * 4
    return sorted(found, key=lambda decision: decision.at_ms)[-most:]


def _decoded(value: bytes) -> Decision | None:
    try:
        return decode_decision(value)
    except InvalidInput:
        return None
