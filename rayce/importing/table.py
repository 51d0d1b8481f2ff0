"""A file as a table: its columns, where it says them, and its rows in order, never more than a few of them in memory."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rayce.importing.csv_rows import read_csv
from rayce.importing.json_rows import read_json_lines
from rayce.importing.parquet_rows import read_parquet
from rayce.importing.raw_row import RawRow
from rayce.importing.source_file import SourceFile
from rayce.importing.text import Dialect


class Table(NamedTuple):
    """The columns (None: JSON lines do not say them beforehand) and the rows."""

    columns: Sequence[str] | None
    rows: Iterator[RawRow]


def read_table(source: SourceFile, dialect: Dialect, wanted: Sequence[str] | None = None) -> Table:
    """The table of a file. `wanted` are the columns to read of a Parquet file; the others need not be unfolded.

    `InvalidInput` where the file is not what its name says; while rows are read, where it is damaged further on.
    """
    if source.form == "parquet":
        return Table(*read_parquet(source.path, wanted))
    if source.form == "csv":
        return Table(*read_csv(source, dialect))
    return Table(None, read_json_lines(source, dialect))
