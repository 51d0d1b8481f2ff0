"""One topic into one table: gather what the log gives, append it with its position, and begin anew where anything fails.

There is one way back from every failure, and it is the way of every start: drop what was gathered, ask the table how far it
has come, and read on from there.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pyarrow as pa
import structlog

from cluster.lake.source import Source
from rayce.errors import Unavailable
from rayce.lake.decision_rows import decision_rows
from rayce.lake.event_rows import event_rows
from rayce.lake.records import Chunk
from rayce.lake.settings import LakeSettings
from rayce.lake.table import LakeTable, create_table

log = structlog.get_logger(__name__)

ROWS: dict[str, Callable[[Chunk], pa.RecordBatch]] = {"events": event_rows, "decisions": decision_rows}


class Counts(NamedTuple):
    """Since the writer started: rows appended, in how many appends, and offsets that the log had lost before they were."""

    rows: int = 0
    appends: int = 0
    missed: int = 0


class Appending:
    """Bounded by `flush_rows` and `flush_mib`: what does not fit yet stays in the log."""

    def __init__(
        self,
        name: str,
        settings: LakeSettings,
        source: Source,
        partitions: int,
        clock: Callable[[], float],
        open_table: Callable[[str, LakeSettings], LakeTable] = LakeTable,
    ) -> None:
        self.name = name
        self.table: LakeTable | None = None
        """None until it is open."""
        self.counts = Counts()
        self._settings = settings
        self._source = source
        self._partitions = partitions
        self._clock = clock
        self._open_table = open_table
        self._next: dict[int, int] = {}
        self._appended: dict[int, int] = {}
        self._waiting: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0
        self._since_s = 0.0

    def work(self, timeout_s: float) -> int:
        """Come round once: fetch, gather, append what is due; returns how many records came.

        `Unavailable` and `LakeConflict` are for the caller, who calls `drop` and comes again later.
        """
        if self.table is None:
            self._open()
        came = 0
        for chunk in self._source.fetch(timeout_s):
            came += self._gather(chunk)
        if self._due():
            self.append()
        return came

    def append(self) -> None:
        """Append what is gathered, however little."""
        if self.table is None or not self._waiting:
            return
        batches = sorted(self._waiting, key=lambda batch: batch.column("partition")[0].as_py())
        moved = {number: at for number, at in self._next.items() if self._appended.get(number) != at}
        self.table.append(batches, moved, self._partitions)
        self.counts = self.counts._replace(rows=self.counts.rows + self._rows, appends=self.counts.appends + 1)
        self._appended = dict(self._next)
        self._forget()

    def drop(self) -> None:
        """Forget what is gathered; the next round begins where the table stands."""
        self.table = None
        self._forget()

    def lags(self) -> dict[int, int]:
        """By partition, records of the log that are not in the table; -1: not known yet."""
        ends = self._source.ends()
        return {
            number: ends[number] - self._appended.get(number, 0) if number in ends and self.table else -1
            for number in range(self._partitions)
        }

    def close(self) -> None:
        """Append what is gathered, if that is possible, and let the log go."""
        try:
            self.append()
        finally:
            self._source.close()

    def _open(self) -> None:
        create_table(self.name, self._settings)
        table = self._open_table(self.name, self._settings)
        if added := table.evolve():
            log.info("lake_columns_added", table=self.name, columns=added)
        positions, bounds = table.positions(), self._source.bounds()
        self._next = {number: self._start(number, positions.get(number), *bounds[number]) for number in bounds}
        self._appended = dict(self._next)
        self._source.begin(self._next)
        self.table = table
        log.info("lake_opened", table=self.name, version=table.version, positions=positions)

    def _start(self, number: int, position: int | None, low: int, high: int) -> int:
        if position is None:
            return low
        if position > high:
            reason = f"{self.name} has partition {number} up to {position}, the log ends at {high}: it is another log"
            raise Unavailable("lake", f"{reason}; give it a lake of its own (`lake.path`)")
        if position < low:
            self._miss(number, position, low)
        return max(position, low)

    def _miss(self, number: int, position: int, offset: int) -> None:
        """The log has let go of records before they were in the lake."""
        self.counts = self.counts._replace(missed=self.counts.missed + offset - position)
        log.error("lake_gap", table=self.name, partition=number, first=position, until=offset)

    def _gather(self, chunk: Chunk) -> int:
        number, expected = chunk.partition, self._next[chunk.partition]
        chunk = chunk.since(expected)
        if not chunk.offsets:
            return 0
        self._look_for_gaps(number, expected, chunk.offsets)
        if not self._waiting:
            self._since_s = self._clock()
        batch = ROWS[self.name](chunk)
        self._waiting.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        self._next[number] = chunk.offsets[-1] + 1
        return batch.num_rows

    def _look_for_gaps(self, number: int, expected: int, offsets: Sequence[int]) -> None:
        if offsets[-1] + 1 - expected == len(offsets):
            return
        for offset in offsets:
            if offset != expected:
                self._miss(number, expected, offset)
            expected = offset + 1

    def _due(self) -> bool:
        return bool(self._waiting) and (
            self._rows >= self._settings.flush_rows
            or self._bytes >= self._settings.flush_mib * 2**20
            or self._clock() - self._since_s >= self._settings.flush_s
        )

    def _forget(self) -> None:
        self._waiting, self._rows, self._bytes = [], 0, 0
