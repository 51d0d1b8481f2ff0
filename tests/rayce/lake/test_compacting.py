"""Small files put together: the same rows, in runs by position, in files that say what is in them."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.lake import compacting
from rayce.lake.compacting import bins_of, compact
from rayce.lake.reading import open_lake
from rayce.lake.table import DataFile
from tests.rayce.lake.lakes import a_table, append, encoded, settings


def a_file(number: int, date: str, size: int) -> DataFile:
    return DataFile(f"{date}/{number}", date, size, 1, number, number, 0, 0)


def test_the_rows_stay_the_same_and_the_files_become_one_a_day(tmp_path: Path) -> None:
    table = a_table(tmp_path)
    for number in range(6):
        append(table, number % 2, [*encoded(range(number * 5, number * 5 + 5)), b"junk"])
    lake = open_lake(settings(tmp_path))
    before = list(lake.records())
    assert len(table.files()) > len({file.date for file in table.files()})
    fewer = compact(table)
    after = open_lake(settings(tmp_path))
    assert list(after.records()) == before and fewer == len(lake.uris()) - len(after.uris())
    assert len(table.files()) == len({file.date for file in table.files()})
    assert compact(table) == 0
    assert [
        column.to_pylist() for batch in after.batches(["item_ids", "prices"], ordered=True) for column in batch
    ] == [column.to_pylist() for batch in lake.batches(["item_ids", "prices"], ordered=True) for column in batch]


def test_a_file_says_what_lies_in_it(tmp_path: Path) -> None:
    table = a_table(tmp_path)
    append(table, 1, encoded(range(3)))
    append(table, 0, encoded(range(3, 8)))
    compact(table)
    (file,) = table.files()
    assert file[3:] == (8, 0, 4, 0, 1)
    placed = pq.read_table(tmp_path / "lake" / "events" / file.path, columns=["partition", "offset"]).to_pylist()
    assert placed == sorted(placed, key=lambda row: (row["partition"], row["offset"])) and len(placed) == 8


def test_runs_are_no_longer_than_a_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacting, "ROW_GROUP_ROWS", 4)
    table = a_table(tmp_path)
    for number in range(3):
        append(table, 0, encoded(range(3 * number, 3 * number + 3)))
    before = list(open_lake(settings(tmp_path)).records())
    compact(table)
    (file,) = table.files()
    assert pq.ParquetFile(tmp_path / "lake" / "events" / file.path).num_row_groups >= 2
    assert list(open_lake(settings(tmp_path)).records()) == before


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 120)), max_size=40))
def test_bins_are_of_one_day_and_about_as_large_as_wanted(files: list[tuple[str, int]]) -> None:
    made = [a_file(number, date, size) for number, (date, size) in enumerate(files)]
    bins = [each.files for each in bins_of(made, 100)]
    for files_of_bin in bins:
        assert len(files_of_bin) > 1 and len({file.date for file in files_of_bin}) == 1
        assert sum(file.size_bytes for file in files_of_bin) <= 100
        assert all(file.size_bytes < 50 for file in files_of_bin), "large ones are left alone"
    chosen = [file.path for each in bins for file in each]
    assert len(chosen) == len(set(chosen))
