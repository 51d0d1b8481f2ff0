"""Rows of a shop's own file become events as its mapping says; neighbouring rows of one basket become one event."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rayce.errors import InvalidInput
from rayce.importing.declared_consent import DeclaredConsent
from rayce.importing.event_row import EventRow, Found, Refused, refused
from rayce.importing.mapping import EventMapping, LineMapping
from rayce.importing.moments import moment_reader
from rayce.importing.raw_row import Problem, RawRow
from rayce.importing.values import MISSING, Read, reader

REMEMBERED_GROUPS = 100_000
"""Baskets whose end is remembered, to tell when one comes again further down."""

MAX_LINES = 500
MAX_WAITING = 1_000
"""Refused rows inside one basket; more of them end it."""

Row = Mapping[str, Any]


class MappedEvents:
    """Applies a mapping. `split` counts the baskets that came again further down: the file is not sorted by them.

    `consent` has read what rows declare, and knows what it could not.
    """

    def __init__(self, mapping: EventMapping, consent: int | None = None) -> None:
        """`consent` holds for all rows where the mapping says nothing about it."""
        self.split = 0
        self._timestamp = moment_reader(mapping.timestamp)
        texts = ("user_id", "type", "event_id", "session_id")
        self._texts = [(name, reader(each, "text")) for name in texts if (each := getattr(mapping, name)) is not None]
        self._context = [(name, reader(each, None)) for name, each in mapping.context.items()]
        self._properties = [(name, reader(each, None)) for name, each in mapping.properties.items()]
        self._line = None if mapping.items is None else _line_fields(mapping.items)
        self.consent = DeclaredConsent(mapping.consent, consent)
        self._group_by = mapping.group_by
        self._group = reader(mapping.group_by, "text") if mapping.group_by else None
        self._ended: deque[str] = deque(maxlen=REMEMBERED_GROUPS)
        self._known: set[str] = set()

    def of(self, rows: Iterable[RawRow]) -> Found:
        """Events and refused rows, in order of the rows."""
        return self._single(rows) if self._group is None else self._grouped(rows, self._group)

    def _single(self, rows: Iterable[RawRow]) -> Found:
        for raw in rows:
            yield self._one(raw)

    def _one(self, raw: RawRow) -> EventRow | Refused:
        if raw.problem is not None:
            return refused(raw)
        try:
            fields = self._fields(raw.values)
            line = self._line_of(raw.values)
            fields["items"] = [line] if line else []
            return EventRow(raw.number, raw.number, fields, self.consent.of(raw.values))
        except InvalidInput as error:
            return Refused(raw.number, Problem(error.key, error.value, str(error)))

    def _grouped(self, rows: Iterable[RawRow], group: Read) -> Found:
        """A row whose basket is not the one of the row before begins a new event; a refused row ends none."""
        open_event: EventRow | None = None
        open_key: str | None = MISSING
        waiting: list[Refused] = []  # told after the event that is open, so that its rows are worked off first
        for raw in rows:
            row, key = self._one(raw), MISSING
            if isinstance(row, EventRow):
                try:
                    key = group(raw.values)
                except InvalidInput as error:
                    row = Refused(raw.number, Problem(error.key, error.value, str(error)))
            if isinstance(row, EventRow) and open_event and key is not MISSING and key == open_key:
                row = _joined(open_event, row, self._group_by or "")
                if isinstance(row, EventRow):
                    open_event = row
                    continue
            if isinstance(row, Refused) and len(waiting) < MAX_WAITING:
                waiting.append(row)
                continue
            if open_event is not None:
                yield open_event
                self._end(open_key)
            yield from waiting
            waiting = []
            if isinstance(row, Refused):
                open_event, open_key = None, MISSING
                yield row
            else:
                open_event, open_key = row, key
                self.split += key in self._known
        if open_event is not None:
            yield open_event
        yield from waiting

    def _end(self, key: str | None) -> None:
        if key is None:
            return
        if len(self._ended) == REMEMBERED_GROUPS:
            self._known.discard(self._ended[0])
        self._ended.append(key)
        self._known.add(key)

    def _fields(self, row: Row) -> dict[str, Any]:
        fields = {name: value for name, read in self._texts if (value := read(row)) is not MISSING}
        fields["timestamp"] = self._timestamp(row)
        for name, readers in (("context", self._context), ("properties", self._properties)):
            if readers:
                fields[name] = {inner: value for inner, read in readers if (value := read(row)) is not MISSING}
        return fields

    def _line_of(self, row: Row) -> dict[str, Any]:
        """The product of a row; {} where it names none."""
        if self._line is None:
            return {}
        found = {name: value for name, read in self._line if (value := read(row)) is not MISSING}
        return found if "item_id" in found else {}


def _joined(event: EventRow, row: EventRow, group_by: str) -> EventRow | Refused:
    if row.fields.get("user_id") != event.fields.get("user_id"):
        reason = f"another user than the rows before it in the same `{group_by}`"
        return Refused(row.first, Problem(group_by, None, reason))
    if len(event.fields["items"]) <= MAX_LINES:  # one more than allowed is refused as a whole later on
        event.fields["items"] += row.fields["items"]
    return event._replace(last=row.last)


def _line_fields(mapping: LineMapping) -> list[tuple[str, Read]]:
    kinds: Iterator[tuple[str, Any]] = iter(
        (("item_id", "text"), ("quantity", "integer"), ("price", "number"), ("category", "text"), ("brand", "text"))
    )
    return [(name, reader(each, kind)) for name, kind in kinds if (each := getattr(mapping, name)) is not None]
