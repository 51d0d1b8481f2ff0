"""What an import tells: counts, refused rows with file, row, column, value and reason, and what to look at in the file."""

import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from rayce.event import Event
from rayce.importing.declared_consent import Unnamed
from rayce.importing.event_row import Refused
from rayce.importing.ledger import Counts
from rayce.importing.mapping import EventMapping, ItemMapping, column_of, fields_of

SHOWN = 10
"""Refused rows and resulting events that are kept to be shown."""
REMEMBERED_PEOPLE = 200_000


_MISSING = re.compile(r"missing required field `(\w+)`")


class RowRefusal(Struct, frozen=True):
    """A refused row as it is told."""

    file: str
    row: int
    column: str
    value: Any
    reason: str


class FileReport(Struct):
    """One file: counts of all runs that have worked on it, and what this run saw. `broken` says why it ended early.

    `unnamed`: rows whose consent says what the mapping does not name.
    """

    file: str
    counts: Counts = field(default_factory=Counts)
    errors: list[RowRefusal] = []
    samples: list[Event] = []
    backwards: int = 0
    split: int = 0
    unnamed: Unnamed | None = None
    resumed_at: int = 0
    was_complete: bool = False
    broken: str = ""


class Teller:
    """Turns refusals into what is told, with the column of the file in place of the path in an event."""

    def __init__(
        self, file: Path, mapping: EventMapping | ItemMapping | None, tell: Callable[[RowRefusal], None]
    ) -> None:
        self._file = str(file)
        self._columns = {} if mapping is None else {key: column_of(each) for key, each in fields_of(mapping)}
        self._tell = tell

    def told(self, refused: Refused) -> RowRefusal:
        """Tell of a row, and return what was told."""
        column, value, reason = refused.problem
        missing = _MISSING.search(reason)
        if missing is not None and column.startswith("$"):  # msgspec names where, and what in its text
            column = f"{column}.{missing[1]}"
        found = RowRefusal(self._file, refused.row, self._named(column), value, reason)
        self._tell(found)
        return found

    def _named(self, column: str) -> str:
        """`$.items[1].price` is the column that the mapping reads `items.price` from."""
        if column != "$" and not column.startswith("$."):
            return column
        path = column.removeprefix("$").removeprefix(".")
        key = ".".join(part.partition("[")[0] for part in path.split("."))
        return self._columns.get(path) or self._columns.get(key) or path


class Backwards:
    """Counts events that are older than one of the same person before them, as far back as memory goes."""

    def __init__(self, people: int = REMEMBERED_PEOPLE) -> None:
        self._people = people
        self._latest: OrderedDict[str, int] = OrderedDict()
        self.count = 0

    def see(self, event: Event) -> None:
        """The next event."""
        latest = self._latest.pop(event.person, 0)
        if event.timestamp_ms < latest:
            self.count += 1
        self._latest[event.person] = max(latest, event.timestamp_ms)
        if len(self._latest) > self._people:
            self._latest.popitem(last=False)
