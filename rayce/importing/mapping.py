"""The mapping file: which column of a shop's own file becomes what of an event or an item. YAML, checked with key and value."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field

from rayce.consent import PURPOSES
from rayce.errors import InvalidDocument
from rayce.event import BEHAVIOUR
from rayce.importing.text import Dialect, Encoding
from rayce.yaml_tree import TextKeys, read_yaml

Column = Annotated[str, Meta(min_length=1, max_length=256)]
Kind = Literal["text", "integer", "number", "boolean"]
Plain = str | int | float | bool
Purpose = Literal["personalization", "training", "marketing"]
UNITS = {"s": 1_000, "ms": 1, "us": 0.001, "ns": 0.000_001}
"""Milliseconds in one unit of a moment that is a number."""


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a value comes from: a column or a constant; `values` translates it, `otherwise` stands for all they do not name."""

    column: Column | None = None
    constant: Plain | None = None
    values: dict[str, Plain] | None = None
    otherwise: Plain | None = None
    kind: Kind | None = field(default=None, name="as")
    decimal: Literal[".", ","] = "."


class MomentSource(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an event's moment comes from. `format`: `iso`, a unit since the epoch (`s`, `ms`, `us`, `ns`), or as of `strptime`.

    `zone` is that of moments which do not say their own.
    """

    column: Column
    format: Annotated[str, Meta(min_length=1, max_length=64)] = "iso"
    zone: Annotated[str, Meta(min_length=1, max_length=64)] = "UTC"


class ConsentSource(Struct, frozen=True, forbid_unknown_fields=True):
    """The column that says what the person allowed, and what its values mean; any other one allows nothing, and is told."""

    column: Column
    values: dict[str, tuple[Purpose, ...]]


Field = Column | Source
Purposes = Annotated[tuple[Purpose, ...], Meta(min_length=1)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]


class LineMapping(Struct, frozen=True, forbid_unknown_fields=True):
    """One product of an event."""

    item_id: Field
    quantity: Field | None = None
    price: Field | None = None
    category: Field | None = None
    brand: Field | None = None


class EventMapping(Struct, frozen=True, forbid_unknown_fields=True):
    """How a row becomes an event; with `group_by` neighbouring rows of one value are one event with several products."""

    user_id: Field
    type: Source
    timestamp: Column | MomentSource
    event_id: Field | None = None
    session_id: Field | None = None
    items: LineMapping | None = None
    group_by: Column | None = None
    context: dict[Name, Field] = {}
    properties: dict[Name, Field] = {}
    consent: Purposes | ConsentSource | None = None
    identity: Literal["content", "position"] = "content"
    encoding: Encoding = "utf-8"
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] | None = None


class ItemMapping(Struct, frozen=True, forbid_unknown_fields=True):
    """How a row becomes an item; `categories` go from wide to narrow."""

    item_id: Field
    title: Field | None = None
    categories: tuple[Field, ...] = ()
    brand: Field | None = None
    price: Field | None = None
    available: Field | None = None
    attributes: dict[Name, Field] = {}
    encoding: Encoding = "utf-8"
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] | None = None


M = TypeVar("M", EventMapping, ItemMapping)


def load_mapping(path: Path, kind: type[M]) -> M:
    """The mapping of a file. `InvalidDocument` names the file, the key and the value."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidDocument(f"{path}: {error.strerror}", "", None) from None
    except UnicodeDecodeError as error:
        raise InvalidDocument(f"{path}: not UTF-8: {error}", "", None) from None
    try:
        return parse_mapping(text, kind)
    except InvalidDocument as error:
        raise InvalidDocument(f"{path}: {error}", error.key, error.value) from None


def parse_mapping(text: str, kind: type[M]) -> M:
    """The mapping of a text; `InvalidDocument` with key and value where it does not hold together, and nothing else ever."""
    mapping = read_yaml(text, kind, loader=TextKeys)
    for key, each in fields_of(mapping):
        if isinstance(each, Source):
            _check_source(key, each)
    if isinstance(mapping, EventMapping):
        _check_event(mapping)
    if mapping.delimiter in ('"', "\n", "\r", "\0"):
        raise InvalidDocument("delimiter: no character that can separate columns", "delimiter", mapping.delimiter)
    return mapping


def dialect_of(mapping: EventMapping | ItemMapping | None) -> Dialect:
    """How the text of the file is to be read."""
    return Dialect() if mapping is None else Dialect(mapping.encoding, mapping.delimiter or "")


def fields_of(mapping: EventMapping | ItemMapping | LineMapping, at: str = "") -> Iterator[tuple[str, Any]]:
    """Everything that takes its value from a column, with its key (`items.price`)."""
    for name in mapping.__struct_fields__:
        value, key = getattr(mapping, name), f"{at}{name}"
        if name in ("identity", "encoding", "delimiter") or value is None:
            continue
        if isinstance(value, LineMapping):
            yield from fields_of(value, f"{key}.")
        elif isinstance(value, dict):
            yield from ((f"{key}.{inner}", each) for inner, each in value.items())
        elif name == "categories":
            yield from ((f"{key}[{place}]", each) for place, each in enumerate(value))
        elif not isinstance(value, tuple):
            yield key, value


def column_of(each: Any) -> str | None:
    """The column that a field is read from; None for a constant."""
    return each if isinstance(each, str) else each.column


def columns_of(mapping: EventMapping | ItemMapping) -> list[str]:
    """All columns that the mapping names."""
    return list(dict.fromkeys(column for _key, each in fields_of(mapping) if (column := column_of(each))))


def _check_source(key: str, source: Source) -> None:
    if (source.column is None) == (source.constant is None):
        raise InvalidDocument(f"{key}: either a `column` or a `constant`", key, None)
    if source.otherwise is not None and source.values is None:
        raise InvalidDocument(f"{key}.otherwise: needs `values`", f"{key}.otherwise", source.otherwise)
    if source.constant is not None and source.values is not None:
        raise InvalidDocument(f"{key}.values: a constant is not translated", f"{key}.values", None)


def _check_event(mapping: EventMapping) -> None:
    said = [mapping.type.constant, mapping.type.otherwise, *(mapping.type.values or {}).values()]
    for word in said:
        if word is not None and word not in BEHAVIOUR:
            raise InvalidDocument(f"type: no event is of the type {word!r}: {', '.join(BEHAVIOUR)}", "type", word)
    if mapping.group_by is not None and mapping.items is None:
        raise InvalidDocument("group_by: needs `items`", "group_by", mapping.group_by)
    if isinstance(mapping.timestamp, MomentSource):
        _check_moment(mapping.timestamp)


def _check_moment(source: MomentSource) -> None:
    try:
        ZoneInfo(source.zone)
    except (OSError, ValueError, LookupError) as error:
        key = "timestamp.zone"
        raise InvalidDocument(f"{key}: no time zone is called {source.zone!r}: {error}", key, source.zone) from None
    if source.format in (*UNITS, "iso"):
        return
    key = "timestamp.format"
    if "%" not in source.format:
        raise InvalidDocument(f"{key}: `iso`, {', '.join(UNITS)}, or a format of strptime", key, source.format)
    try:
        sample = datetime(2001, 2, 3, 4, 5, 6)
        datetime.strptime(sample.strftime(source.format), source.format)
    except (ValueError, LookupError, ArithmeticError, TypeError, re.error) as error:
        raise InvalidDocument(f"{key}: {error}", key, source.format) from None


def bits_of(purposes: Iterable[str]) -> int:
    """Purposes by name as bits."""
    return sum(PURPOSES[name] for name in set(purposes))
