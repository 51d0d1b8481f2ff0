"""The lake as jobs read it: one table, as of one commit, whatever is appended meanwhile."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from rayce.errors import InvalidInput
from rayce.lake.columns import DATE, OFFSET
from rayce.lake.records import DAY_MS
from rayce.lake.settings import LakeSettings
from rayce.lake.table import LakeTable, quoted

EPOCH = date(1970, 1, 1)
WINDOW_ROWS = 250_000
"""Offsets of a partition that are read at once: no more rows than that are in memory, however large the lake is."""
BATCH_ROWS = 32_768


def open_lake(settings: LakeSettings, table: str = "events", version: int | None = None) -> "Lake":
    """A table of the lake as of now, or of an earlier commit. `InvalidInput` where there is none; `Unavailable`."""
    return Lake(LakeTable(table, settings, version))


class Lake:
    """A table as of `version`. What is read is the same each time, as long as its files are kept (`keep_replaced_h`)."""

    def __init__(self, table: LakeTable, window_rows: int = WINDOW_ROWS) -> None:
        self._table = table
        self._window_rows = window_rows

    @property
    def version(self) -> int:
        """The commit that it is as of."""
        return self._table.version

    def at(self, version: int) -> "Lake":
        """The same table as of another commit; `InvalidInput` where that, or a file of it, is not kept any more."""
        table = LakeTable(self._table.name, self._table.settings, version)
        if version != self.version and (gone := table.missing()):
            raise InvalidInput(
                f"version {version} of the lake is not kept any more: {gone} files are gone", "version", version
            )
        return Lake(table, self._window_rows)

    def positions(self) -> dict[int, int]:
        """By partition of the topic, the offset after the last record that is in."""
        return self._table.positions()

    def count(self, tenant: str | None = None) -> int:
        """Rows."""
        return sum(batch.num_rows for batch in self.batches(["partition"], tenant))

    def uris(self) -> list[str]:
        """Where its files are, for other engines."""
        return self._table.uris()

    def records(self, tenant: str | None = None) -> Iterator[bytes]:
        """The log's records as they are, by partition and offset: for `rayce.history.read_history`.

        Of one tenant and of nobody (what is no event of a known version), or all.
        """
        for batch in self._ordered(["record"], _only(tenant, None, None, nobody=True)):
            yield from batch.column("record").to_pylist()

    def batches(
        self,
        columns: Sequence[str],
        tenant: str | None = None,
        from_ms: int | None = None,
        until_ms: int | None = None,
        ordered: bool = False,
    ) -> Iterator[pa.RecordBatch]:
        """Columns of the rows with a time from `from_ms` to before `until_ms`; a column that is not there yet is null.

        In an order that is the same for this commit each time but means nothing; `ordered`: by partition and offset.
        """
        kept = _only(tenant, from_ms, until_ms)
        return self._ordered(columns, kept) if ordered else self._table.select(columns, " AND ".join(kept))

    def where(self, columns: Sequence[str], where: str) -> Iterator[pa.RecordBatch]:
        """Columns of the rows of which this holds (SQL, with the names of the columns); in no order that means anything."""
        return self._table.select(columns, where)

    def _ordered(self, columns: Sequence[str], where: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Offsets are unique in a partition, so a window of them bounds the rows; files that lie elsewhere are not opened."""
        files = self._table.files()
        for partition in sorted(self.positions()):
            there = (file for file in files if file.first_partition <= partition <= file.last_partition)
            own = [(file.first_offset, file.last_offset) for file in there]
            for start, end in windows(own, self._window_rows):
                window = [f'"partition" = {partition}', f'"{OFFSET}" >= {start}', f'"{OFFSET}" < {end}']
                found = list(self._table.select([*dict.fromkeys([*columns, OFFSET])], " AND ".join([*window, *where])))
                if found:
                    rows = pa.Table.from_batches(found)
                    rows = rows.take(pc.sort_indices(rows, [(OFFSET, "ascending")])).select(list(columns))
                    yield from rows.to_batches(BATCH_ROWS)


def windows(spans: Sequence[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Ranges of `size` that together cover all spans (both ends in them), ascending and apart.

    >>> list(windows([(0, 9), (5, 14), (40, 41)], 10))
    [(0, 10), (10, 20), (40, 50)]
    """
    reached = 0
    for low, high in sorted(spans):
        start = max(low, reached)
        while start <= high:
            yield start, start + size
            start += size
            reached = start


def _only(tenant: str | None, from_ms: int | None, until_ms: int | None, nobody: bool = False) -> list[str]:
    """What has to hold."""
    found = []
    if tenant is not None:
        own = f"tenant = {quoted(tenant)}"
        found.append(f"({own} OR tenant IS NULL)" if nobody else own)
    if from_ms is not None:
        found += [f"timestamp_ms >= {from_ms}", f"{DATE} >= {_date(from_ms)}"]
    if until_ms is not None:
        found += [f"timestamp_ms < {until_ms}", f"{DATE} <= {_date(until_ms)}"]
    return found


def _date(at_ms: int) -> str:
    return f"DATE {quoted(str(EPOCH + timedelta(days=at_ms // DAY_MS)))}"
