"""Erased people's rows are rewritten away: what the log had of them before their `erased` event; that one stays as proof.

Up to which `erased` event of each partition that was carried out is a transaction id, committed with the removal or after it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from rayce.history import ERASED
from rayce.lake.columns import DATE, OFFSET
from rayce.lake.table import LakeTable, quoted

AT_ONCE = 500
"""People whose rows one rewrite removes."""
SETTLED_MS = 3_600_000
"""So long after an erasure a decision from before it may still arrive; only then it counts as carried out there."""


class Erasure(NamedTuple):
    """Somebody's wish to be forgotten, as the log has it."""

    person: str
    partition: int
    offset: int
    at_ms: int


def erase(events: LakeTable, table: LakeTable, now_ms: int) -> int:
    """Carry out in `table` (`events` itself, or the decisions) what is not yet; returns how many rows were removed.

    The files that they were in stay until they are vacuumed.
    """
    removed, waiting, own = 0, set[int](), table.name == events.name
    due = iter(erasures(events, _carried_out(table, events.positions())))
    while batch := list(islice(due, AT_ONCE)):
        if not own:
            waiting |= {each.partition for each in batch if now_ms - each.at_ms < SETTLED_MS}
        marks = {_mark(each.partition): each.offset for each in batch if each.partition not in waiting}
        predicate = _doomed(table, batch, by_offset=own)
        if predicate is not None:
            removed += table.delete(predicate, marks)
        elif marks:
            table.mark(marks)
    return removed


def erasures(events: LakeTable, carried_out: Mapping[int, int]) -> list[Erasure]:
    """Those after these offsets, by partition and offset."""
    columns = ["person", "partition", "offset", "timestamp_ms"]
    found = [row for batch in events.select(columns, f"type = {quoted(ERASED)}") for row in batch.to_pylist()]
    rows = (Erasure(*(row[name] for name in columns)) for row in found)
    return sorted((row for row in rows if row.offset > carried_out.get(row.partition, -1)), key=lambda row: row[1:3])


def _carried_out(table: LakeTable, partitions: Iterable[int]) -> dict[int, int]:
    found = {number: table.transaction(_mark(number)) for number in partitions}
    return {number: at for number, at in found.items() if at is not None}


def _mark(partition: int) -> str:
    return f"erased:{partition}"


def _doomed(table: LakeTable, batch: Sequence[Erasure], by_offset: bool) -> str | None:
    """Which rows go, as SQL that names the days they are on, so that other files are left alone; None where none do."""
    wishes: dict[str, list[Erasure]] = {}
    for each in batch:
        wishes.setdefault(each.person, []).append(each)
    names = f"person IN ({', '.join(map(quoted, sorted(wishes)))})"
    proof = f" AND coalesce(type, '') <> {quoted(ERASED)}" if by_offset else ""
    days, going, staying = set[str](), set[str](), set[str]()
    for found in table.select([DATE, "person", "partition", OFFSET, "timestamp_ms"], names + proof):
        for row in found.to_pylist():
            if any(_is_before(row, each, by_offset) for each in wishes[row["person"]]):
                days.add(str(row[DATE]))
                going.add(row["person"])
            else:
                staying.add(row["person"])
    if not going:
        return None
    on = f"{DATE} IN ({', '.join(f'DATE {quoted(day)}' for day in sorted(days))}){proof}"
    clauses = _clauses(going, staying, [each for person in sorted(wishes) for each in wishes[person]], by_offset)
    return f"{on} AND ({' OR '.join(clauses)})"


def _is_before(row: Mapping[str, Any], each: Erasure, by_offset: bool) -> bool:
    if by_offset:
        return bool(row["partition"] == each.partition and row[OFFSET] < each.offset)
    return bool(row["timestamp_ms"] <= each.at_ms)


def _clauses(going: set[str], staying: set[str], wishes: Iterable[Erasure], by_offset: bool) -> Iterator[str]:
    """Who is gone for good is told by name alone; who came back by where that was."""
    if gone := sorted(going - staying):
        yield f"person IN ({', '.join(map(quoted, gone))})"
    for each in wishes:
        if each.person in going & staying:
            before = f'"partition" = {each.partition} AND "{OFFSET}" < {each.offset}'
            yield f"(person = {quoted(each.person)} AND {before if by_offset else f'timestamp_ms <= {each.at_ms}'})"
