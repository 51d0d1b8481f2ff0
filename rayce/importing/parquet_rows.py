"""Rows of a Parquet file, a few thousand at a time; texts that repeat are unfolded once, however often they stand there."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rayce.errors import InvalidInput
from rayce.importing.raw_row import NO_VALUES, Problem, RawRow

AT_ONCE = 4_096
MAX_GROUP_BYTES = 8 << 30
"""A row group that says it unfolds to more is not read."""

_REFUSED = (pa.ArrowException, OSError, ValueError, OverflowError, TypeError, UnicodeDecodeError, NotImplementedError)
"""What pyarrow raises for a damaged file and for values that Python has not."""


class _Unreadable:
    """Stands for a value that Python cannot say; no conversion takes it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def read_parquet(path: Path, wanted: Sequence[str] | None) -> tuple[Sequence[str], Iterator[RawRow]]:
    """All columns, and the rows with the wanted ones. `InvalidInput` where this is no Parquet file."""
    try:
        schema = pq.read_schema(path)
        texts = [field.name for field in schema if _is_text(field.type)]
        file = pq.ParquetFile(path, read_dictionary=texts, pre_buffer=False)
        for at in range(file.metadata.num_row_groups):
            if file.metadata.row_group(at).total_byte_size > MAX_GROUP_BYTES:
                raise InvalidInput(f"{path}: row group {at} unfolds to more than 8 GiB", str(path), at)
    except _REFUSED as error:
        raise InvalidInput(f"{path} is no Parquet file that can be read: {error}", str(path), None) from None
    doubled = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if doubled:
        raise InvalidInput(f"{path} has two columns of the name {', '.join(doubled)}", str(path), doubled)
    kept = [name for name in schema.names if wanted is None or name in wanted]
    return schema.names, _rows(path, file, kept)


def _rows(path: Path, file: pq.ParquetFile, kept: Sequence[str]) -> Iterator[RawRow]:
    number = 0
    try:
        for batch in file.iter_batches(batch_size=AT_ONCE, columns=kept, use_threads=False):
            columns = [_values(column) for column in batch.columns]
            for values in zip(*columns, strict=True):
                number += 1
                problem = _problem(kept, values)
                yield RawRow(number, NO_VALUES if problem else dict(zip(kept, values, strict=True)), problem)
    except _REFUSED as error:
        raise InvalidInput(f"{path} cannot be read after row {number}: {error}", str(path), number) from None


def _problem(names: Sequence[str], values: Sequence[Any]) -> Problem | None:
    for name, value in zip(names, values, strict=True):
        if type(value) is _Unreadable:
            return Problem(name, None, value.reason)
    return None


def _values(column: pa.Array) -> list[Any]:
    """As Python's own values: texts as str, moments as datetime, the rest as pyarrow says it."""
    if isinstance(column, pa.DictionaryArray):
        words = _values(column.dictionary)
        return [None if at is None else words[at] for at in column.indices.to_pylist()]
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)  # Python's moments end at microseconds
    try:
        return column.to_pylist()  # type: ignore[no-any-return]
    except _REFUSED:
        return [_value(each) for each in column]


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except _REFUSED as error:
        return _Unreadable(f"cannot be read: {error}")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
