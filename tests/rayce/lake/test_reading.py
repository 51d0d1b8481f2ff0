"""Reading the lake: in the log's order, a window at a time, as of one commit."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.consent import PERSONALIZATION
from rayce.errors import InvalidInput
from rayce.history import read_history
from rayce.lake.compacting import compact
from rayce.lake.reading import Lake, open_lake, windows
from rayce.lake.settings import LakeSettings
from tests.rayce.lake.lakes import DAY_MS, FROM_MS, a_table, an_event, append, encoded, settings


def filled(folder: Path) -> None:
    """Two partitions, appended to in turn, over several days, each with one record that is no event."""
    table = a_table(folder)
    append(table, 1, encoded(range(0, 20, 2)))
    append(table, 0, [*encoded(range(1, 21, 2)), b"junk"])
    append(table, 1, [b"junk", *encoded(range(40, 20, -2))])
    append(table, 0, encoded(range(5), tenant="other"))


def log_of() -> list[bytes]:
    zero = [*encoded(range(1, 21, 2)), b"junk", *encoded(range(5), tenant="other")]
    return [*zero, *encoded(range(0, 20, 2)), b"junk", *encoded(range(40, 20, -2))]


@pytest.mark.parametrize("window_rows", [1, 3, 250_000])
def test_records_come_as_they_were_by_partition_and_offset(tmp_path: Path, window_rows: int) -> None:
    filled(tmp_path)
    lake = Lake(open_lake(settings(tmp_path))._table, window_rows)
    assert list(lake.records()) == log_of()


def test_they_come_the_same_after_small_files_were_put_together(tmp_path: Path) -> None:
    filled(tmp_path)
    table = open_lake(settings(tmp_path))._table
    assert compact(table) > 0
    assert list(open_lake(settings(tmp_path)).records()) == log_of()


def test_of_a_tenant_come_its_own_and_what_is_nobodys(tmp_path: Path) -> None:
    filled(tmp_path)
    found = list(open_lake(settings(tmp_path)).records("other"))
    assert found == [b"junk", *encoded(range(5), tenant="other"), b"junk"]


def test_a_history_is_read_from_it_as_from_the_log(tmp_path: Path) -> None:
    filled(tmp_path)
    lake = open_lake(settings(tmp_path))
    assert read_history(lake.records("shop"), "shop", PERSONALIZATION) == read_history(
        log_of(), "shop", PERSONALIZATION
    )
    assert read_history(lake.records("shop"), "shop", PERSONALIZATION).undecodable == 2


def test_what_is_appended_later_is_not_in_a_snapshot(tmp_path: Path) -> None:
    filled(tmp_path)
    lake = open_lake(settings(tmp_path))
    append(a_table(tmp_path), 0, encoded(range(50, 60)))
    assert list(lake.records()) == log_of()
    newest = open_lake(settings(tmp_path))
    assert newest.count() == lake.count() + 10
    assert list(newest.at(lake.version).records()) == log_of()
    assert newest.positions() == {0: 26, 1: 21} and lake.positions() == {0: 16, 1: 21}


def test_columns_are_read_within_bounds_of_time(tmp_path: Path) -> None:
    filled(tmp_path)
    lake, from_ms = open_lake(settings(tmp_path)), FROM_MS + DAY_MS
    found = pa.Table.from_batches(lake.batches(["event_id", "timestamp_ms"], "shop", from_ms, from_ms + DAY_MS))
    numbers = [*range(1, 21, 2), *range(0, 20, 2), *range(40, 20, -2)]
    wanted = {f"e{n}" for n in numbers if from_ms <= an_event(n).timestamp_ms < from_ms + DAY_MS}
    assert set(found["event_id"].to_pylist()) == wanted and found.num_rows == len(wanted) == 9


def test_columns_come_in_order_where_asked(tmp_path: Path) -> None:
    filled(tmp_path)
    lake = open_lake(settings(tmp_path))
    found = pa.Table.from_batches(lake.batches(["partition", "offset"], ordered=True)).to_pylist()
    places = [(row["partition"], row["offset"]) for row in found]
    assert places == sorted(places) and len(places) == lake.count()


def test_an_unknown_column_and_a_lake_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no table 'events'"):
        open_lake(settings(tmp_path))
    with pytest.raises(InvalidInput, match="is empty"):
        open_lake(LakeSettings())
    filled(tmp_path)
    lake = open_lake(settings(tmp_path))
    with pytest.raises(InvalidInput, match="no column 'shoe_size'"):
        list(lake.batches(["shoe_size"]))
    with pytest.raises(InvalidInput, match="no version 99"):
        lake.at(99)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 30))), st.integers(1, 40))
def test_windows_cover_every_span_once(raw: list[tuple[int, int]], size: int) -> None:
    spans = [(low, low + length) for low, length in raw]
    found = [offset for start, end in windows(spans, size) for offset in range(start, end)]
    assert found == sorted(set(found))
    assert {offset for low, high in spans for offset in range(low, high + 1)} <= set(found)
