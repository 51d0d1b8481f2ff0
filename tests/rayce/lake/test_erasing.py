"""Erased people: everything before their `erased` event goes from every file, the event itself stays, and so do all others."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from rayce.decision import Decision, encode_decision
from rayce.history import ERASED
from rayce.lake import erasing
from rayce.lake.erasing import erase, erasures
from rayce.lake.table import LakeTable
from tests.rayce.lake.lakes import FROM_MS, a_table, an_event, append, encoded, person, settings

NOW_MS = FROM_MS + 400 * 86_400_000


def rows(table: LakeTable) -> list[tuple[str, str, int]]:
    found = [row for batch in table.select(["person", "type", "offset"]) for row in batch.to_pylist()]
    return sorted((row["person"], row["type"], row["offset"]) for row in found)


def of(table: LakeTable, number: int) -> list[tuple[str, int]]:
    return [(kind, offset) for who, kind, offset in rows(table) if who == person(number)]


def on_disk(folder: Path, text: str) -> int:
    """Files, whether the table consists of them or not, in which somebody occurs."""
    found = 0
    for file in folder.rglob("*.parquet"):
        if "_delta_log" not in file.parts:
            found += text in pq.read_table(file, columns=["person"])["person"].to_pylist()
    return found


def test_what_was_before_goes_and_the_proof_stays(tmp_path: Path) -> None:
    table = a_table(tmp_path)
    append(table, 0, encoded(range(30)))
    append(table, 0, encoded([3], type=ERASED, items=()))
    others = [row for row in rows(table) if row[0] != person(3)]
    assert erase(table, table, NOW_MS) == 6
    assert of(table, 3) == [(ERASED, 30)]
    assert [row for row in rows(table) if row[0] != person(3)] == others
    assert table.positions() == {0: 31}


def test_who_comes_back_keeps_what_came_after(tmp_path: Path) -> None:
    table = a_table(tmp_path)
    append(table, 0, [*encoded(range(10)), *encoded([3], type=ERASED), *encoded([13, 18])])
    append(table, 1, encoded([23]))
    assert erase(table, table, NOW_MS) == 2
    assert of(table, 3) == [(ERASED, 10), ("purchase", 12), ("view", 0), ("view", 11)]


def test_several_wishes_of_one_person_all_count(tmp_path: Path) -> None:
    table = a_table(tmp_path)
    append(table, 0, [*encoded(range(10)), *encoded([3], type=ERASED), *encoded([13]), *encoded([3], type=ERASED)])
    append(table, 1, [*encoded([8]), *encoded([3], type=ERASED), *encoded([18])])
    assert erase(table, table, NOW_MS) == 4
    assert of(table, 3) == [(ERASED, 1), (ERASED, 10), (ERASED, 12), ("purchase", 2)]


def test_it_is_done_once_and_only_what_is_new_is_looked_for_again(tmp_path: Path) -> None:
    table = a_table(tmp_path)
    append(table, 0, [*encoded(range(10)), *encoded([3], type=ERASED)])
    append(table, 1, encoded([4], type=ERASED))  # nothing to remove there: it is remembered all the same
    assert erase(table, table, NOW_MS) == 2
    version = table.version
    assert erase(table, table, NOW_MS) == 0
    assert table.version == version
    assert erasures(table, {0: 10, 1: 0}) == []
    append(table, 0, encoded([4], type=ERASED))
    assert erase(table, table, NOW_MS) == 2


def test_a_record_that_is_no_event_goes_by_its_key(tmp_path: Path) -> None:
    table = a_table(tmp_path)
    append(table, 0, [b"junk", *encoded(range(5)), *encoded([4], type=ERASED)])  # the log's key of the junk is person 4
    assert erase(table, table, NOW_MS) == 2


def test_no_file_holds_them_after_the_vacuum(tmp_path: Path) -> None:
    table = a_table(tmp_path)
    append(table, 0, encoded(range(10)))
    append(table, 0, [*encoded(range(10, 20)), *encoded([3], type=ERASED)])
    assert on_disk(tmp_path, person(3)) > 1
    erase(table, table, NOW_MS)
    assert on_disk(tmp_path, person(3)) > 1, "replaced files stay for those who are reading them"
    for file in tmp_path.rglob("*.json"):  # the files were replaced two days ago, for all that the table's log says
        file.write_text(file.read_text().replace('"deletionTimestamp":', '"deletionTimestamp":1,"was":'))
    assert LakeTable("events", settings(tmp_path)).vacuum() > 0
    assert on_disk(tmp_path, person(3)) == 1, "the proof"


def test_decisions_go_by_their_time_until_late_ones_have_come(tmp_path: Path) -> None:
    events, table = a_table(tmp_path), a_table(tmp_path, "decisions")
    at_ms = an_event(3).timestamp_ms

    def decision(number: int, moment_ms: int) -> bytes:
        return encode_decision(
            Decision(version=1, decision_id=f"d{number}", kind="slot", tenant="shop", at_ms=moment_ms, person=person(3))
        )

    append(events, 0, encoded([3], type=ERASED))
    append(table, 1, [decision(1, at_ms - 5), decision(2, at_ms + 5)])
    assert erase(events, table, at_ms + 1000) == 1
    append(table, 1, [decision(3, at_ms - 1)])  # an edge had it in its buffer
    assert erase(events, table, at_ms + 2000) == 1
    assert erase(events, table, at_ms + 2 * erasing.SETTLED_MS) == 0
    version = table.version
    assert erase(events, table, at_ms + 2 * erasing.SETTLED_MS) == 0
    assert table.version == version
    assert [row for batch in table.select(["decision_id"]) for row in batch["decision_id"].to_pylist()] == ["d2"]


def test_many_are_removed_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "AT_ONCE", 2)
    table = a_table(tmp_path)
    append(table, 0, [*encoded(range(20)), *encoded(range(5), type=ERASED)])
    assert erase(table, table, NOW_MS) == 20
    assert [kind for _who, kind, _at in rows(table)] == [ERASED] * 5


def test_a_pseudonym_cannot_break_out_of_the_statement(tmp_path: Path) -> None:
    table = a_table(tmp_path)
    odd = f"k'); --:{0:032x}"
    append(table, 0, [*encoded(range(5)), *encoded([7], person=odd), *encoded([8], person=odd, type=ERASED)])
    assert erase(table, table, NOW_MS) == 1
    assert len(rows(table)) == 6
