"""Which file of a table is damaged: the query engine tells what is wrong within one, and not where."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import PyFileSystem


def first_damaged(filesystem: PyFileSystem, paths: Iterable[str]) -> str:
    """The first of these Parquet files that cannot be read to its end; "" where all can. Reads all that come before it."""
    for path in paths:
        try:
            with filesystem.open_input_file(path) as source, pq.ParquetFile(source) as parquet:
                for _batch in parquet.iter_batches():
                    pass
        except (OSError, pa.ArrowException):
            return path
    return ""
