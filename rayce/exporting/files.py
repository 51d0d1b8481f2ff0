"""Rows into a file that is there as a whole or not at all: written beside its place, flushed to the disk, moved there."""

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from rayce.errors import InvalidInput
from rayce.exporting.columns import JSON_COLUMNS
from rayce.importing.source_file import CODECS, FORMS, Form

AT_ONCE = 5_000
Row = Mapping[str, Any]
_json = msgspec.json.Encoder().encode


def write_file(path: Path, schema: pa.Schema, rows: Iterable[Row], form: Form | None = None) -> int:
    """Writes all rows and returns how many; what was there before is replaced at the end. Nothing is left where it fails.

    `InvalidInput` where the name says no form, or the folder cannot be written.
    """
    codec = CODECS.get(path.suffix.lower(), "")
    named = form or FORMS.get((path.with_suffix("") if codec else path).suffix.lower())
    if named is None or (named == "parquet" and codec):
        ends = f"{', '.join(FORMS)}, all but Parquet also with {', '.join(CODECS)}"
        raise InvalidInput(f"{path}: the name of the file does not end in {ends}", "FILE", str(path))
    write = {"parquet": _parquet, "csv": _csv, "jsonl": _lines}[named]
    try:
        with _whole(path) as beside, pa.OSFile(str(beside), "wb") as raw:
            sink = pa.CompressedOutputStream(raw, codec) if codec else raw
            count = write(sink, schema, rows, "\t" if ".tsv" in path.suffixes else ",")
            if codec:
                sink.close()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error}", "FILE", str(path)) from None
    return count


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A file beside the path that takes its place at the end, and goes away where that does not come."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.being-written")
    try:
        yield beside
        with open(beside, "rb") as written:
            os.fsync(written.fileno())
        os.replace(beside, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while some := list(islice(left, AT_ONCE)):
        yield some


def _parquet(sink: Any, schema: pa.Schema, rows: Iterable[Row], _separator: str) -> int:
    count = 0
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for some in _batches(rows):
            texts = [name for name in schema.names if name in JSON_COLUMNS]
            told = [{**row, **{name: _json(row[name]).decode() for name in texts}} for row in some] if texts else some
            writer.write_table(pa.Table.from_pylist(told, schema))
            count += len(some)
    return count


def _csv(sink: Any, schema: pa.Schema, rows: Iterable[Row], separator: str) -> int:
    names = schema.names
    cells = [_plain if not _is_nested(schema.field(name)) else _text_of_json for name in names]
    count = 0
    for some in _batches(rows):
        text = io.StringIO()
        writer = csv.writer(text, delimiter=separator, lineterminator="\n")
        if not count:
            writer.writerow(names)
        writer.writerows([cell(row[name]) for name, cell in zip(names, cells, strict=True)] for row in some)
        sink.write(text.getvalue().encode())
        count += len(some)
    if not count:
        sink.write((separator.join(names) + "\n").encode())
    return count


def _lines(sink: Any, schema: pa.Schema, rows: Iterable[Row], _separator: str) -> int:
    count = 0
    for some in _batches(rows):
        sink.write(b"".join(_json(row) + b"\n" for row in some))
        count += len(some)
    return count


def _is_nested(field: pa.Field) -> bool:
    return field.name in JSON_COLUMNS or pa.types.is_nested(field.type)


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value


def _text_of_json(value: Any) -> str:
    return _json(value).decode()
