"""A table of the lake: rows and position go in together, once; who is behind is refused; old and new schemas meet."""

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from rayce.errors import InvalidInput, LakeConflict, Unavailable
from rayce.lake.columns import COLUMNS, DATE, EVENT_COLUMNS
from rayce.lake.compacting import compact
from rayce.lake.event_rows import event_rows
from rayce.lake.reading import open_lake
from rayce.lake.table import LakeTable, create_table, position_id, table_exists, uri_of
from tests.rayce.lake.lakes import a_table, append, chunk, encoded, settings

ROWS = [event_rows(chunk(0, 0, encoded(range(10))))]


def test_rows_and_position_go_in_together(tmp_path: Path) -> None:
    table = a_table(tmp_path)
    table.append(ROWS, {0: 10}, partitions=4)
    again = LakeTable("events", settings(tmp_path))
    assert again.positions() == table.positions() == {0: 10}
    assert sum(file.rows for file in again.files()) == 10


def test_a_zombie_is_fenced_by_the_conflict_of_the_commits(tmp_path: Path) -> None:
    a_table(tmp_path)
    zombie, successor = (LakeTable("events", settings(tmp_path)) for _ in range(2))
    successor.append(ROWS, {0: 10}, 1)
    with pytest.raises(LakeConflict):
        zombie.append(ROWS, {0: 10}, 1)
    assert open_lake(settings(tmp_path)).count() == 10
    with pytest.raises(
        LakeConflict
    ):  # having failed it has seen the other's commit; it must be told again all the same
        zombie.append(ROWS, {0: 10}, 1)
    assert open_lake(settings(tmp_path)).count() == 10


def test_who_has_overtaken_another_ones_commit_unseen_is_fenced_too(tmp_path: Path) -> None:
    a_table(tmp_path)
    one, other = (LakeTable("events", settings(tmp_path)) for _ in range(2))
    other.append([event_rows(chunk(1, 0, encoded(range(3))))], {1: 3}, 2)
    one.refresh()  # as any commit of its own would
    with pytest.raises(LakeConflict, match="somebody else has appended"):
        one.append([event_rows(chunk(1, 0, encoded(range(3))))], {1: 3}, 2)


def test_without_transaction_ids_the_rows_are_there_twice(tmp_path: Path) -> None:
    """The control: it is the ids that fence, nothing else does."""
    a_table(tmp_path)
    zombie, successor = (DeltaTable(uri_of(settings(tmp_path), "events")) for _ in range(2))
    for each in (successor, zombie):
        write_deltalake(each, ROWS, mode="append")
    assert open_lake(settings(tmp_path)).count() == 20


def test_positions_outlive_checkpoints_compaction_deletion_and_vacuum(tmp_path: Path) -> None:
    table = a_table(tmp_path)
    for number in range(54):
        append(table, number % 3, encoded([number]), partitions=3)
    compact(table)
    table.delete("tenant = 'shop'")
    table.vacuum()
    folder = Path(uri_of(settings(tmp_path), "events")) / "_delta_log"
    assert list(folder.glob("*.checkpoint.parquet"))
    for old in sorted(folder.glob("0*.json"))[:45]:
        old.unlink()  # as the log's own clean-up does
    assert LakeTable("events", settings(tmp_path)).positions() == {0: 18, 1: 18, 2: 18}


def test_what_a_killed_writer_left_is_not_read_and_is_deleted_in_time(tmp_path: Path) -> None:
    table = a_table(tmp_path)
    append(table, 0, encoded(range(10)))
    (file,) = [file for file in tmp_path.rglob("*.parquet") if "2024-10-04" in file.parent.name]
    orphan = file.with_name("part-00000-orphan.parquet")
    shutil.copy(file, orphan)
    assert open_lake(settings(tmp_path)).count() == 10
    table.vacuum()
    assert orphan.exists(), "it could be a file of a commit under way"
    os.utime(orphan, (1, 1))
    assert table.vacuum() == 1 and not orphan.exists()
    assert open_lake(settings(tmp_path)).count() == 10


def test_an_older_lake_gets_the_columns_that_came_later(tmp_path: Path) -> None:
    older = pa.schema([field for field in EVENT_COLUMNS if field.name not in ("session", "prices")])
    DeltaTable.create(uri_of(settings(tmp_path), "events"), older, partition_by=[DATE])
    table = LakeTable("events", settings(tmp_path))
    table.append(ROWS, {0: 10}, 1)
    assert [row["session"] for batch in table.select(["session"]) for row in batch.to_pylist()] == [None] * 10
    assert table.evolve() == ["session", "prices"]
    assert LakeTable("events", settings(tmp_path)).evolve() == []
    append(table, 0, encoded(range(10, 12)), partitions=1)
    found = [
        row["session"]
        for batch in open_lake(settings(tmp_path)).batches(["session"], ordered=True)
        for row in batch.to_pylist()
    ]
    assert found == [None] * 10 + ["s2", "s2"]
    assert list(open_lake(settings(tmp_path)).records()) == encoded(range(12))
    assert table.positions() == {0: 12}


def test_a_lake_of_newer_code_is_read_and_appended_to(tmp_path: Path) -> None:
    newer = EVENT_COLUMNS.append(pa.field("mood", pa.string()))
    DeltaTable.create(uri_of(settings(tmp_path), "events"), newer, partition_by=[DATE])
    theirs = DeltaTable(uri_of(settings(tmp_path), "events"))
    row = pa.Table.from_batches(ROWS).slice(0, 2).append_column("mood", pa.array(["gay", "grim"]))
    write_deltalake(theirs, row.combine_chunks(), mode="append")
    table = LakeTable("events", settings(tmp_path))
    assert table.evolve() == []
    table.append(ROWS, {0: 10}, 1)
    found = [row["mood"] for batch in table.select(["mood"]) for row in batch.to_pylist()]
    assert sorted(map(str, found)) == ["None"] * 10 + ["gay", "grim"]


def test_both_tables_are_made_once_and_have_their_columns(tmp_path: Path) -> None:
    for name, columns in COLUMNS.items():
        assert not table_exists(name, settings(tmp_path))
        create_table(name, settings(tmp_path))
        create_table(name, settings(tmp_path))
        table = LakeTable(name, settings(tmp_path))
        assert table.schema.names == columns.names and table.version == 0
        assert table.positions() == {}


def test_a_store_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    nowhere = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "x",
        "max_retries": "0",
    }
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    away = settings(tmp_path, path="s3://bucket/lake", storage_options=nowhere | keys)
    with pytest.raises(Unavailable, match="lake is unavailable"):
        LakeTable("events", away)
    table = a_table(tmp_path)
    shutil.rmtree(tmp_path / "lake")
    (tmp_path / "lake").touch()  # a disk that is gone
    with pytest.raises((Unavailable, InvalidInput)):
        table.append(ROWS, {0: 10}, 1)


def test_transaction_ids_are_of_topic_and_partition() -> None:
    assert position_id("rayce.events", 12) == "rayce.events:12"


@pytest.mark.parametrize("damage", ["torn", "emptied", "gone", "bits", "page"])
def test_a_damaged_or_missing_file_is_told_by_its_name(damage: str, tmp_path: Path) -> None:
    table = a_table(tmp_path)
    append(table, 0, encoded(range(10)))
    (file,) = [file for file in tmp_path.rglob("*.parquet") if "2024-10-04" in file.parent.name]
    body = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        turned, page = bytes(byte ^ 0xFF for byte in body), len(body) // 3
        of_a_page = body[:4] + turned[4:page] + body[page:]
        file.write_bytes({"torn": body[: page * 2], "emptied": b"", "bits": turned, "page": of_a_page}[damage])
    lake = open_lake(settings(tmp_path))
    for read in (lake.records, lake.count):
        with pytest.raises(Unavailable, match="a file cannot be read") as caught:
            list(read())  # type: ignore[call-overload]
        assert file.name in str(caught.value)
        assert "\n" not in str(caught.value)
