"""Upkeep, beside a writer that goes on: nothing that others appended is lost, old versions say when they are gone."""

from pathlib import Path

import pytest
from deltalake import DeltaTable

from rayce.errors import InvalidInput, LakeConflict
from rayce.lake.compacting import compact
from rayce.lake.reading import open_lake
from rayce.lake.table import LakeTable, uri_of
from rayce.lake.upkeep import crowding, keep, retain
from tests.rayce.lake.lakes import FROM_MS, a_table, append, encoded, settings

DAY_MS = 86_400_000


def test_a_writer_appends_on_after_a_command_has_compacted_and_deleted(tmp_path: Path) -> None:
    writer = a_table(tmp_path)
    append(writer, 0, encoded(range(10)))
    append(writer, 0, encoded(range(10, 20)))
    command = LakeTable("events", settings(tmp_path))
    assert compact(command) > 0
    append(writer, 0, encoded(range(20, 25)))
    command = LakeTable("events", settings(tmp_path))
    assert command.delete("event_id = 'e3'") == 1
    with pytest.raises(LakeConflict):  # Delta takes an append for a reader of what was deleted: it begins anew
        append(writer, 0, encoded(range(25, 30)))
    append(LakeTable("events", settings(tmp_path)), 0, encoded(range(25, 30)))
    assert list(open_lake(settings(tmp_path)).records()) == encoded([n for n in range(30) if n != 3])


def test_a_command_that_the_writer_has_overtaken_keeps_what_was_appended(tmp_path: Path) -> None:
    writer = a_table(tmp_path)
    append(writer, 0, encoded(range(10)))
    append(writer, 0, encoded(range(10, 20)))
    one, other = (LakeTable("events", settings(tmp_path)) for _ in range(2))
    append(writer, 0, encoded(range(20, 25)))
    for work in (lambda: compact(one), lambda: other.delete("event_id = 'e3'")):
        try:
            work()
        except LakeConflict:
            continue  # it did nothing, and says so
    found = list(open_lake(settings(tmp_path)).records())
    assert [row for row in found if row not in encoded([3])] == encoded([n for n in range(25) if n != 3])


@pytest.mark.parametrize("second", ["compact", "delete"])
@pytest.mark.parametrize("first", ["compact", "delete"])
def test_of_two_rewrites_at_once_one_is_refused(tmp_path: Path, first: str, second: str) -> None:
    writer = a_table(tmp_path)
    for number in range(4):
        append(writer, 0, encoded([number, number + 50]))
    one, other = (LakeTable("events", settings(tmp_path)) for _ in range(2))
    other.refresh = lambda: None  # type: ignore[method-assign]  # it has looked before the first one was done
    rewrite(one, first)
    with pytest.raises(LakeConflict):
        rewrite(other, second)
    assert open_lake(settings(tmp_path)).count() == (8 if first == "compact" else 7)


def rewrite(table: LakeTable, how: str) -> None:
    _done = compact(table) if how == "compact" else table.delete("event_id = 'e3'")


def test_without_our_own_transaction_id_two_compactions_double_every_row(tmp_path: Path) -> None:
    """The control: why compaction is our own. Should this ever fail, delta-rs has mended it."""
    writer = a_table(tmp_path)
    for number in range(4):
        append(writer, 0, encoded([number, number + 50]))
    for each in [DeltaTable(uri_of(settings(tmp_path), "events")) for _ in range(2)]:
        each.optimize.compact()
    assert open_lake(settings(tmp_path)).count() == 16


def test_days_older_than_the_retention_go_whole(tmp_path: Path) -> None:
    table = a_table(tmp_path, retention_days=2)
    append(table, 0, encoded(range(48)))  # four days, twelve events each
    assert retain(table, FROM_MS + 3 * DAY_MS + 5) == 12
    dates = {file.date for file in table.files()}
    assert dates == {"2024-10-05", "2024-10-06", "2024-10-07"}
    assert retain(table, FROM_MS + 3 * DAY_MS + 5) == 0
    assert table.positions() == {0: 48}


def test_crowding_counts_what_could_be_put_together(tmp_path: Path) -> None:
    table = a_table(tmp_path)
    assert crowding(table) == 0
    append(table, 0, encoded(range(24)))
    assert crowding(table) == 0, "one file a day"
    append(table, 0, encoded(range(24)))
    assert crowding(table) == 2
    compact(table)
    assert crowding(table) == 0


def test_a_version_whose_files_are_gone_says_so(tmp_path: Path) -> None:
    table = a_table(tmp_path, keep_replaced_h=1)
    append(table, 0, encoded(range(5)))
    append(table, 0, encoded(range(5)))
    lake = open_lake(settings(tmp_path))
    compact(table)
    newest = open_lake(settings(tmp_path))
    assert list(newest.at(lake.version).records()) == encoded([*range(5), *range(5)])
    for file in tmp_path.rglob("*.json"):
        file.write_text(file.read_text().replace('"deletionTimestamp":', '"deletionTimestamp":1,"was":'))
    assert LakeTable("events", settings(tmp_path)).vacuum() == 2
    with pytest.raises(InvalidInput, match=f"version {lake.version} of the lake is not kept any more"):
        newest.at(lake.version)
    assert list(open_lake(settings(tmp_path)).records()) == encoded([*range(5), *range(5)])


def test_keep_does_all_of_it(tmp_path: Path) -> None:
    table = a_table(tmp_path, retention_days=2)
    append(table, 0, encoded(range(48)))
    append(table, 0, encoded([3], type="erased", timestamp_ms=FROM_MS + 4 * DAY_MS))
    done = keep(table, table, FROM_MS + 3 * DAY_MS)
    assert done.expired == 12 and done.erased > 0
