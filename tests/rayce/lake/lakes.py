"""Lakes for tests: small ones in a folder, filled with records of a few people."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rayce.event import VERSION, Event, Line, encode_event
from rayce.lake.decision_rows import decision_rows
from rayce.lake.event_rows import event_rows
from rayce.lake.records import Chunk, Origin
from rayce.lake.settings import LakeSettings
from rayce.lake.table import LakeTable, create_table

DAY_MS = 86_400_000
FROM_MS = 20_000 * DAY_MS


def person(number: int) -> str:
    return f"k1:{number:032x}"


def an_event(number: int, **changes: Any) -> Event:
    """The event number so and so: of one of five people, two hours after the one before."""
    values: dict[str, Any] = {
        "version": VERSION,
        "event_id": f"e{number}",
        "type": "purchase" if number % 3 == 0 else "view",
        "tenant": "shop",
        "person": person(number % 5),
        "timestamp_ms": FROM_MS + number * 7_200_000,
        "session": f"s{number // 4}",
        "items": (Line(f"p{number % 7}", 1 + number % 2, 9.5 if number % 2 else None),),
        "consent": 3,
    }
    return Event(**{**values, **changes})


def chunk(partition: int, first: int, values: Sequence[bytes], at_ms: int = FROM_MS) -> Chunk:
    return Chunk(partition, range(first, first + len(values)), values, lambda _: Origin(person(4).encode(), at_ms))


def settings(folder: Path, **changes: Any) -> LakeSettings:
    return LakeSettings(**{"path": str(folder / "lake"), **changes})


def a_table(folder: Path, name: str = "events", **changes: Any) -> LakeTable:
    """An empty table."""
    create_table(name, settings(folder, **changes))
    return LakeTable(name, settings(folder, **changes))


def append(table: LakeTable, partition: int, values: Sequence[bytes], partitions: int = 2) -> None:
    """Append records at the end of a partition, as a writer would."""
    at = table.positions().get(partition, 0)
    rows = event_rows if table.name == "events" else decision_rows
    table.append([rows(chunk(partition, at, values))], {partition: at + len(values)}, partitions)


def encoded(numbers: Sequence[int], **changes: Any) -> list[bytes]:
    return [encode_event(an_event(number, **changes)) for number in numbers]
