"""Rows that have our own fields already: of the events API (`user_id`), or of `rayce export events` (`person`)."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from rayce.consent import PURPOSES
from rayce.errors import InvalidInput
from rayce.exported_event import FIELDS
from rayce.exported_event import NEEDED as NEEDED_OF_EXPORTED
from rayce.importing.event_row import EventRow, Found, Refused, refused
from rayce.importing.mapping import bits_of
from rayce.importing.raw_row import Problem, RawRow
from rayce.importing.values import MISSING, cell
from rayce.ingest import EventIn
from rayce.refusals import UNREADABLE

NESTED = ("items", "context", "properties")
"""Columns that are JSON where a file has only texts (CSV)."""
EVENT_FIELDS: tuple[str, ...] = (*EventIn.__struct_fields__, "consent")
NUMBERS = ("timestamp", "timestamp_ms", "partition", "offset")
NEEDED = ("type", "timestamp")
_NO_TENANT = "an exported event says its tenant, or nobody knows whose it is: export it again"


def own_events(rows: Iterable[RawRow], consent: int | None = None) -> Found:
    """Events and refused rows, in order. `consent` holds for all rows that do not say their own."""
    for raw in rows:
        if raw.problem is not None:
            yield refused(raw)
            continue
        try:
            yield _event(raw, consent)
        except InvalidInput as error:
            yield Refused(raw.number, Problem(error.key, error.value, str(error)))


def check_columns(columns: Iterable[str]) -> None:
    """`InvalidInput` where a table cannot be events as it stands: a column of ours is missing, or is not ours."""
    found = list(columns)
    is_exported = "person" in found
    ours, needed = (FIELDS, NEEDED_OF_EXPORTED) if is_exported else (EVENT_FIELDS, ("user_id", *NEEDED))
    for name in needed:
        if name not in found:
            if is_exported and name == "tenant":
                raise InvalidInput(_NO_TENANT, name, None)
            raise InvalidInput(f"there is no column `{name}` (there are {_names(found)}): give a --mapping", name, None)
    for name in found:
        if name not in ours:
            raise InvalidInput(f"the column `{name}` is none of ours ({_names(ours)}): give a --mapping", name, None)


def _event(raw: RawRow, otherwise: int | None) -> EventRow:
    fields = {name: _nested(name, value) for name in raw.values if (value := cell(raw.values, name)) is not MISSING}
    is_exported = "person" in fields
    said = _consent(fields.pop("consent")) if "consent" in fields else otherwise
    for name in NUMBERS:
        if name in fields:
            fields[name] = _number(fields[name])
    if is_exported:
        if "tenant" not in fields:
            raise InvalidInput(_NO_TENANT, "tenant", None)
        if said is None:
            raise InvalidInput("an exported event says its consent", "consent", None)
        fields["consent"] = said
    elif "timestamp" not in fields:
        raise InvalidInput("no moment: what has none cannot be counted once", "timestamp", None)
    return EventRow(raw.number, raw.number, fields, said, is_exported)


def json_of(name: str, value: Any) -> Any:
    """A nested value: the text of CSV as JSON, the structs and maps of Parquet without what is null in them."""
    if isinstance(value, str):
        try:
            return msgspec.json.decode(value)
        except UNREADABLE as error:
            raise InvalidInput(f"not JSON: {error}", name, value[:64]) from None
    if isinstance(value, Mapping):
        return {key: each for key, each in value.items() if each is not None}
    if isinstance(value, list) and value and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        return {key: each for key, each in value if each is not None}
    return value


def _nested(name: str, value: Any) -> Any:
    if name not in NESTED:
        return value
    found = json_of(name, value)
    return [_line(each) for each in found] if name == "items" and isinstance(found, list) else found


def _line(line: Any) -> Any:
    return {key: each for key, each in line.items() if each is not None} if isinstance(line, Mapping) else line


def _number(value: Any) -> Any:
    """CSV has only texts."""
    return int(value) if _is_number(value) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, str) and len(value) < 20 and value.isascii() and value.lstrip("-").isdecimal()


def _consent(value: Any) -> int:
    """Bits, or names of purposes, as a list or a text with commas."""
    if _is_number(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 255:
        return value
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name in PURPOSES for name in names):
        raise InvalidInput(f"neither bits of consent nor names of {', '.join(PURPOSES)}", "consent", value)
    return bits_of(names)


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in list(columns)[:20])
