"""Where a job's events come from, and how its input is pinned: named so exactly that a second reading gives the same records.

Every source gives the records of a partition in order, one partition after the other, so that the order is the same each time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rayce.checkpoint import JSON
from rayce.errors import InvalidInput, InvalidSettings, Unavailable
from rayce.event_files import read_event_file
from rayce.settings import Settings
from rayce.stores.interfaces import Record
from rayce.stores.kafka_log import LogReader

if TYPE_CHECKING:
    from rayce.lake.reading import Lake

KINDS = ("auto", "kafka", "lake")
_POLL_RECORDS = 5_000

Pin = dict[str, JSON]
"""Names an input for good; as JSON, as a checkpoint remembers it."""


class Source(Protocol):
    """A source of encoded records of the log."""

    def now(self) -> Pin:
        """Pins the input as it is now."""
        ...

    def holds(self, pin: Pin) -> bool:
        """Whether that input, pinned earlier, is still there as a whole."""
        ...

    def records(self, pin: Pin) -> Iterator[bytes]:
        """The records of that input, the same in the same order each time."""
        ...

    def total(self, pin: Pin) -> int | None:
        """How many these are, at the most; None where that is not known."""
        ...


class Files:
    """Event files, read in the order given; pinned by size and content."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files

    def now(self) -> Pin:
        """See `Source.now`. Reads the files once; `InvalidInput` where one is cut short."""
        return {"source": "files", "files": [_fingerprint(file) for file in self._files]}

    def holds(self, pin: Pin) -> bool:
        """See `Source.holds`."""
        return pin == self.now()

    def records(self, pin: Pin) -> Iterator[bytes]:
        """See `Source.records`."""
        return chain.from_iterable(read_event_file(file) for file in self._files)

    def total(self, pin: Pin) -> int | None:
        """See `Source.total`."""
        return sum(file["records"] for file in pin["files"])


class Reader(Protocol):
    """The log as a job reads it: see `LogReader`."""

    def begin(self, partition: int, offset: int) -> None:
        """See `LogReader.begin`."""
        ...

    def leave(self, partition: int) -> None:
        """See `LogReader.leave`."""
        ...

    def beginning(self) -> dict[int, int]:
        """See `LogReader.beginning`."""
        ...

    def end(self) -> dict[int, int]:
        """See `LogReader.end`."""
        ...

    def read_until(self, end: Mapping[int, int]) -> Iterator[Record]:
        """See `LogReader.read_until`."""
        ...

    def close(self) -> None:
        """See `LogReader.close`."""
        ...


class Log:
    """`rayce.events`, pinned by the first and the last offset of each partition."""

    def __init__(self, open_reader: Callable[[Sequence[int]], Reader], partitions: int) -> None:
        """`open_reader` gives a reader of these partitions."""
        self._open_reader = open_reader
        self._partitions = partitions

    def now(self) -> Pin:
        """See `Source.now`."""
        beginning, end = self._ends()
        return {"source": "kafka", "partitions": [[p, beginning[p], end[p]] for p in range(self._partitions)]}

    def holds(self, pin: Pin) -> bool:
        """See `Source.holds`. Not where retention has taken a record since, or the topic was made anew."""
        if pin["source"] != "kafka" or len(pin["partitions"]) != self._partitions:
            return False
        beginning, end = self._ends()
        return all(beginning[p] <= first and until <= end[p] for p, first, until in pin["partitions"])

    def records(self, pin: Pin) -> Iterator[bytes]:
        """See `Source.records`."""
        reader = self._open_reader(())
        try:
            for partition, first, until in pin["partitions"]:
                if first < until:
                    reader.begin(partition, first)
                    yield from self._partition(reader, partition, first, until)
                    reader.leave(partition)
        finally:
            reader.close()

    @staticmethod
    def _partition(reader: Reader, partition: int, first: int, until: int) -> Iterator[bytes]:
        """`Unavailable` where retention has taken the oldest records meanwhile: less would be read than was pinned."""
        records = reader.read_until({partition: until})
        for record in records:
            if record.offset > first and reader.beginning()[partition] > first:
                raise Unavailable("kafka", f"retention has taken records of partition {partition} that were to be read")
            yield record.value
            break
        yield from (record.value for record in records)

    def total(self, pin: Pin) -> int | None:
        """See `Source.total`."""
        return sum(until - first for _partition, first, until in pin["partitions"])

    def _ends(self) -> tuple[dict[int, int], dict[int, int]]:
        reader = self._open_reader(range(self._partitions))
        try:
            return reader.beginning(), reader.end()
        finally:
            reader.close()


class LakeEvents:
    """The lake's events, pinned by the version of its table."""

    def __init__(self, lake: "Lake", tenant: str) -> None:
        self._lake = lake
        self._tenant = tenant

    def now(self) -> Pin:
        """See `Source.now`."""
        return {"source": "lake", "version": self._lake.version}

    def holds(self, pin: Pin) -> bool:
        """See `Source.holds`. Not where that version was dropped since."""
        if pin["source"] != "lake":
            return False
        try:
            self.at(pin)
        except InvalidInput:
            return False
        return True

    def records(self, pin: Pin) -> Iterator[bytes]:
        """See `Source.records`."""
        return iter(self.at(pin).records(tenant=self._tenant))

    def at(self, pin: Pin) -> "Lake":
        """The lake as it was pinned, for jobs that read columns."""
        return self._lake.at(pin["version"])

    def total(self, pin: Pin) -> int | None:
        """See `Source.total`."""
        return self.at(pin).count(self._tenant)


def source_of(settings: Settings, tenant: str, kind: str, files: Sequence[str] | None) -> Source:
    """Files where some are named; else the `kind`, of which `auto` means the lake where there is one, and Kafka otherwise."""
    if files:
        return Files(files)
    if kind == "lake" and not settings.lake.path:
        raise InvalidSettings("--source lake: there is no lake", "lake.path", settings.lake.path)
    if kind != "kafka" and settings.lake.path:
        from rayce.lake.reading import open_lake  # it loads deltalake and pyarrow

        return LakeEvents(open_lake(settings.lake), tenant)
    kafka = settings.kafka

    def open_reader(partitions: Sequence[int]) -> Reader:
        return LogReader(kafka, partitions, _POLL_RECORDS)

    return Log(open_reader, kafka.partitions)


def _fingerprint(file: str) -> dict[str, Any]:
    digest, records = blake2b(digest_size=16), 0
    for record in read_event_file(file):
        records += 1
        digest.update(len(record).to_bytes(4, "big") + record)
    return {
        "name": Path(file).name,
        "size": Path(file).stat().st_size,
        "digest": digest.hexdigest(),
        "records": records,
    }
