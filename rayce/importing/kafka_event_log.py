"""The event log in Kafka, as an import sees it."""

from collections.abc import Iterator, Mapping, Sequence

from rayce.importing.delivery import HEADER
from rayce.stores.interfaces import EVENTS, Record
from rayce.stores.kafka_log import LogReader, LogWriter


class KafkaEventLog:
    """`EventLog` over a writer and a reader of all partitions of the log."""

    def __init__(self, writer: LogWriter, reader: LogReader) -> None:
        self._writer = writer
        self._reader = reader

    def write(self, records: Sequence[tuple[bytes, bytes, bytes]]) -> None:
        """See `EventLog.write`."""
        self._writer.write_each_now(EVENTS, ((key, value, [(HEADER, digest)]) for key, value, digest in records))

    def ends(self) -> dict[int, int]:
        """See `EventLog.ends`."""
        return self._reader.end()

    def between(self, begins: Mapping[int, int], ends: Mapping[int, int]) -> Iterator[Record]:
        """See `EventLog.between`."""
        for partition, offset in begins.items():
            self._reader.begin(partition, offset)
        yield from self._reader.read_until(ends)

    def close(self) -> None:
        """Close both."""
        self._writer.close()
        self._reader.close()
