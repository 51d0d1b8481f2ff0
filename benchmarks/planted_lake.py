"""The planted shop's events as columns, as the lake has them: a file for each block of people, read in batches; or a lake."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.planted_shop import BLOCK_PEOPLE, TYPES, Block, Size, block, planted
from rayce.item import Item
from rayce.lake.columns import EVENT_COLUMNS
from rayce.lake.settings import LakeSettings
from rayce.lake.table import LakeTable, create_table

TENANT = "planted"
CONSENT = 127
BATCH_ROWS = 65_536
COLUMNS = [name for name in EVENT_COLUMNS.names if name not in ("date", "record", "prices", "quantities")]


def write_events(folder: Path, size: Size, seed: int = 0) -> np.ndarray:
    """Writes all events; returns what each person took afterwards, people × `AFTERWARDS`."""
    follows = planted(size, seed)
    ids = pa.array([item.item_id for item in catalogue(size)])
    afterwards = []
    for number in range(size.blocks):
        made = block(size, follows, number, seed)
        pq.write_table(_table(made, ids, number), folder / f"{number:05}.parquet", compression="snappy")
        afterwards.append(made.afterwards)
    return np.concatenate(afterwards)


def write_lake(folder: Path, size: Size, seed: int = 0) -> None:
    """A real lake with all events, in the folder `lake`: a partition and an append a block of people. No records."""
    settings = LakeSettings(path=str(folder / "lake"))
    create_table("events", settings)
    lake = LakeTable("events", settings)
    follows, ids = planted(size, seed), pa.array([item.item_id for item in catalogue(size)])
    for number in range(size.blocks):
        rows = _table(block(size, follows, number, seed), ids, number)
        dates = pc.cast(pc.cast(rows.column("timestamp_ms"), pa.timestamp("ms", "UTC")), pa.date32())
        lake.append(rows.append_column("date", dates).combine_chunks().to_batches(), {number: len(rows)}, size.blocks)


def batches(folder: Path) -> Iterator[pa.RecordBatch]:
    """All events, in the order of the log."""
    for path in sorted(folder.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(BATCH_ROWS, use_threads=False)


def catalogue(size: Size) -> list[Item]:
    """The items, by number."""
    return [Item(f"i{n:07}", categories=("all", f"group {n % size.groups}")) for n in range(size.items)]


def pseudonym(person: int) -> str:
    """As the edge would have made one."""
    return f"k1:{person:032x}"


def _table(made: Block, ids: pa.Array, number: int) -> pa.Table:
    rows = len(made.item)
    people = pa.array([pseudonym(made.first_person + n) for n in range(BLOCK_PEOPLE)])
    session = made.person.astype(np.int64) << 16 | made.session
    distinct, which = np.unique(session, return_inverse=True)
    names = pa.array([f"{made.first_person:07x}{n:09x}" for n in distinct.tolist()])
    bounds = pa.array(np.arange(rows + 1, dtype=np.int32))
    columns = {
        "tenant": pa.array([TENANT]).take(pa.array(np.zeros(rows, np.int8))),
        "person": people.take(pa.array(made.person)),
        "type": pa.array(TYPES).take(pa.array(made.kind)),
        "event_id": pc.cast(pa.array(number * 1_000_000_000 + np.arange(rows)), pa.string()),
        "session": names.take(pa.array(which)),
        "timestamp_ms": pa.array(made.at_ms),
        "consent": pa.array(np.full(rows, CONSENT, np.int32)),
        "item_ids": pa.ListArray.from_arrays(bounds, ids.take(pa.array(made.item))),
        "partition": pa.array(np.full(rows, number, np.int32)),
        "offset": pa.array(np.arange(rows)),
    }
    return pa.table({name: columns[name] for name in COLUMNS})
