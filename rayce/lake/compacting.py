"""Small files of a day put together into larger ones, sorted in runs, so that a reader opens few and passes over much.

Not by delta-rs' own compaction: in its version 1.6 two of these at once both succeed, and every row is there twice. Here the
commit carries a transaction id, as every rewrite of ours does, and the second one is refused.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rayce.lake.columns import DATE, OFFSET
from rayce.lake.table import DISTINCT, ROW_GROUP_ROWS, DataFile, LakeTable, NewFile, aligned

SMALL = 0.5
"""A file is small below this share of the target."""
COMPRESSION_LEVEL = 3
AT_ONCE = 32
"""New files of one commit."""
_BOUNDED = ("tenant", "timestamp_ms", "partition", OFFSET)
"""Columns of which a file says the least and the greatest value."""


class Bin(NamedTuple):
    """Files of a day that become one."""

    files: list[DataFile]


def compact(table: LakeTable) -> int:
    """Put small files together; how many there are fewer. `LakeConflict` where somebody else rewrites the table, too."""
    table.refresh()
    bins, fewer = list(bins_of(table.files(), table.settings.target_file_mib * 2**20)), 0
    for at in range(0, len(bins), AT_ONCE):
        some = bins[at : at + AT_ONCE]
        table.replace([file for each in some for file in each.files], [_merged(table, each.files) for each in some])
        fewer += sum(len(each.files) - 1 for each in some)
    return fewer


def bins_of(files: Sequence[DataFile], target_bytes: int) -> Iterator[Bin]:
    """Which become one: small ones of a day, in order of their offsets, until they are about large enough."""
    days: dict[str, list[DataFile]] = {}
    for file in sorted(files, key=lambda file: (file.date, file.first_offset, file.path)):
        if file.size_bytes < target_bytes * SMALL:
            days.setdefault(file.date, []).append(file)
    for small in days.values():
        filling: list[DataFile] = []
        for file in small:
            if filling and sum(each.size_bytes for each in filling) + file.size_bytes > target_bytes:
                yield from _worth_it(filling)
                filling = []
            filling.append(file)
        yield from _worth_it(filling)


def _worth_it(files: list[DataFile]) -> Iterator[Bin]:
    if len(files) > 1:
        yield Bin(files)


def _merged(table: LakeTable, files: Sequence[DataFile]) -> NewFile:
    """One file with the rows of these, written beside them; nobody sees it before the commit."""
    folder = files[0].path.rpartition("/")[0]
    path = f"{folder}/part-00000-{uuid.uuid4()}-c000.zstd.parquet"
    schema = pa.schema([field for field in table.schema if field.name != DATE])
    filesystem, stats = table.filesystem(), _Stats()
    with table.answering(), filesystem.open_output_stream(path) as sink:
        with pq.ParquetWriter(sink, schema, **_written(schema)) as writer:
            for rows in _runs(filesystem, files, schema):
                writer.write_table(rows, row_group_size=ROW_GROUP_ROWS)
                stats.take(rows)
        size = sink.tell()
    return NewFile(path, files[0].date, size, stats.to_json())


def _written(schema: pa.Schema) -> dict[str, Any]:
    repeating = [name for name in schema.names if name not in DISTINCT]
    return {"compression": "zstd", "compression_level": COMPRESSION_LEVEL, "use_dictionary": repeating}


def _runs(filesystem: Any, files: Sequence[DataFile], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows, so many that they make a row group, each run sorted by partition and offset."""
    waiting: list[pa.RecordBatch] = []
    for file in files:
        with filesystem.open_input_file(file.path) as source, pq.ParquetFile(source) as parquet:
            for batch in parquet.iter_batches(batch_size=ROW_GROUP_ROWS):
                waiting.append(aligned(batch, schema))
                if sum(each.num_rows for each in waiting) >= ROW_GROUP_ROWS:
                    yield _sorted(waiting)
                    waiting = []
    if waiting:
        yield _sorted(waiting)


def _sorted(batches: Sequence[pa.RecordBatch]) -> pa.Table:
    rows = pa.Table.from_batches(batches)
    return rows.take(pc.sort_indices(rows, [("partition", "ascending"), (OFFSET, "ascending")]))


class _Stats:
    """What a file says of its rows, as the Delta protocol has it (per-file statistics)."""

    def __init__(self) -> None:
        self._rows = 0
        self._least: dict[str, Any] = {}
        self._greatest: dict[str, Any] = {}
        self._nulls: dict[str, int] = {}

    def take(self, rows: pa.Table) -> None:
        """Some more of them."""
        self._rows += rows.num_rows
        for name in _BOUNDED:
            column = rows[name]
            self._nulls[name] = self._nulls.get(name, 0) + column.null_count
            bounds = pc.min_max(column).as_py()
            if bounds["min"] is not None:
                self._least[name] = min(self._least.get(name, bounds["min"]), bounds["min"])
                self._greatest[name] = max(self._greatest.get(name, bounds["max"]), bounds["max"])

    def to_json(self) -> str:
        """As the log of the table keeps it."""
        found = {
            "numRecords": self._rows,
            "minValues": self._least,
            "maxValues": self._greatest,
            "nullCount": self._nulls,
        }
        return json.dumps(found)
