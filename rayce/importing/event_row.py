"""What one or several rows of a file say of one event, in our own words and not yet checked."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from rayce.importing.raw_row import Problem, RawRow


class EventRow(NamedTuple):
    """The rows it stands in, the event's fields, and the purposes that the file says were allowed (None: it does not say).

    Fields are those of `rayce.ingest.EventIn`, or where `is_exported` those of `rayce.exported_event.ExportedEvent`.
    """

    first: int
    last: int
    fields: dict[str, Any]
    consent: int | None = None
    is_exported: bool = False


class Refused(NamedTuple):
    """A row that does not become an event or item, and why; `last` is the last row of several that are refused together."""

    row: int
    problem: Problem
    last: int = 0


Found = Iterator[EventRow | Refused]


def refused(raw: RawRow) -> Refused:
    """Of a row that could not be read."""
    return Refused(raw.number, raw.problem or Problem("", None, ""))
