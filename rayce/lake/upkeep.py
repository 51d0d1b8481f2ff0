"""Upkeep of a table: old days deleted, erased people removed, small files put together, what was replaced deleted."""

from typing import NamedTuple

from rayce.lake.columns import DATE
from rayce.lake.compacting import bins_of, compact
from rayce.lake.erasing import erase
from rayce.lake.records import DAY_MS
from rayce.lake.table import LakeTable


class Kept(NamedTuple):
    """What an upkeep has done: rows removed because they were old, or erased people's; files fewer, files deleted."""

    expired: int = 0
    erased: int = 0
    compacted: int = 0
    vacuumed: int = 0


def keep(events: LakeTable, table: LakeTable, now_ms: int) -> Kept:
    """All of it, for one table; `events` is where erasures are told, and may be the same one."""
    expired = retain(table, now_ms)
    erased = erase(events, table, now_ms)
    return Kept(expired, erased, compact(table), table.vacuum())


def retain(table: LakeTable, now_ms: int) -> int:
    """Delete days that are over for longer than `retention_days`; returns how many rows."""
    days = table.settings.retention_days
    if not days:
        return 0
    first = f"{DATE} < to_timestamp_seconds({(now_ms // DAY_MS - days) * DAY_MS // 1000})::date"
    return table.delete(first)


def crowding(table: LakeTable) -> int:
    """By how many files a compaction would make it fewer."""
    return sum(len(each.files) - 1 for each in bins_of(table.files(), table.settings.target_file_mib * 2**20))
