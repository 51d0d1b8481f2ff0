"""A run of records of one partition, as a fetch brings them, and what every table makes of it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rayce.event import LATEST_MS

DAY_MS = 86_400_000

Columns = dict[str, pa.Array]
Mask = NDArray[np.bool_]
Row = TypeVar("Row")


class Origin(NamedTuple):
    """What the log says of a record besides its value: its key, and when the broker got it (ms)."""

    key: bytes | None
    at_ms: int


class Chunk(NamedTuple):
    """Records of one partition with ascending offsets; `origin` by their index, asked only where the value says nothing."""

    partition: int
    offsets: Sequence[int]
    values: Sequence[bytes]
    origin: Callable[[int], Origin]

    def since(self, offset: int) -> "Chunk":
        """What is not before that offset."""
        first = sum(at < offset for at in self.offsets)
        if not first:
            return self
        origin = self.origin
        return Chunk(self.partition, self.offsets[first:], self.values[first:], lambda n: origin(n + first))


def decoded(chunk: Chunk, decode: Callable[[bytes], Row], blank: Row) -> tuple[list[Row], Mask]:
    """The rows, `blank` where a record cannot be decoded; and which those are."""
    bad = np.zeros(len(chunk.values), bool)
    try:
        return list(map(decode, chunk.values)), bad
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        rows = []
    for index, value in enumerate(chunk.values):
        try:
            rows.append(decode(value))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            rows.append(blank)
            bad[index] = True
    return rows, bad


def finished(
    chunk: Chunk, columns: Columns, timestamps_ms: NDArray[np.int64], bad: Mask, schema: pa.Schema
) -> pa.RecordBatch:
    """With the columns of time and position; where a row is bad, nothing but these, the key and the record."""
    count = len(chunk.values)
    if bad.any():
        timestamps_ms = timestamps_ms.copy()
        mask, persons = pa.array(bad), columns["person"].to_pylist()
        for index in np.flatnonzero(bad):
            key, at_ms = chunk.origin(int(index))
            timestamps_ms[index] = min(max(at_ms, 0), LATEST_MS)
            persons[index] = None if key is None else key.decode(errors="replace")
        columns = {name: _nulled(column, mask) for name, column in columns.items()}
        columns["person"] = pa.array(persons, pa.string())
    columns = {
        **columns,
        "date": pa.array((timestamps_ms // DAY_MS).astype(np.int32)).cast(pa.date32()),
        "timestamp_ms": pa.array(timestamps_ms),
        "partition": pa.array(np.full(count, chunk.partition, np.int32)),
        "offset": pa.array(np.fromiter(chunk.offsets, np.int64, count)),
        "record": pa.array(chunk.values, pa.binary()),
    }
    return pa.record_batch([columns[name] for name in schema.names], schema=schema)


def listed(lines: Sequence[Sequence[Any]]) -> tuple[pa.Array, list[Any]]:
    """(offsets of an Arrow list array, the elements one after another)."""
    bounds = np.zeros(len(lines) + 1, np.int32)
    np.cumsum(np.fromiter(map(len, lines), np.int32, len(lines)), out=bounds[1:])
    return pa.array(bounds), [line for each in lines for line in each]


def _nulled(column: pa.Array, mask: pa.BooleanArray) -> pa.Array:
    """Lists of a bad row are empty anyhow."""
    return column if pa.types.is_list(column.type) else pc.if_else(mask, pa.scalar(None, column.type), column)
