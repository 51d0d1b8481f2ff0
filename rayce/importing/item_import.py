"""One file of items into the catalogue: checked as at the edge, put or replaced by id. To run it again changes nothing."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from rayce.errors import InvalidInput
from rayce.importing.event_row import Refused, refused
from rayce.importing.mapping import ItemMapping, columns_of, dialect_of
from rayce.importing.own_events import json_of
from rayce.importing.raw_row import Problem, RawRow
from rayce.importing.report import SHOWN, RowRefusal, Teller
from rayce.importing.source_file import SourceFile
from rayce.importing.table import read_table
from rayce.importing.values import MISSING, cell, reader
from rayce.item import Item, ItemIn, encode_item, read_item
from rayce.refusals import UNREADABLE, row_error

AT_ONCE = 500
FIELDS = Item.__struct_fields__
_encode = msgspec.json.Encoder().encode
_UNSPEAKABLE = (TypeError, ValueError, OverflowError, RecursionError, NotImplementedError)

Fields = Callable[[RawRow], dict[str, Any]]


class ItemReport(NamedTuple):
    """What became of a file; `broken` says why it ended early."""

    file: str
    rows: int
    items: int
    refused: int
    errors: list[RowRefusal]
    samples: list[Item]
    broken: str = ""


def import_items(
    source: SourceFile,
    mapping: ItemMapping | None,
    save: Callable[[Mapping[str, bytes]], None] | None,
    tell: Callable[[RowRefusal], None],
    max_errors: int | None = None,
) -> ItemReport:
    """Works the file off; without `save` nothing is written. `Unavailable` where the store stayed away."""
    rows = count = bad = 0
    errors: list[RowRefusal] = []
    samples: list[Item] = []
    waiting: dict[str, bytes] = {}
    teller, broken = Teller(source.path, mapping, tell), ""
    try:
        for row, found in _items(source, mapping):
            rows = row
            if isinstance(found, Refused):
                bad += 1
                errors += [teller.told(found)][: SHOWN - len(errors)]
                if max_errors is not None and bad > max_errors:
                    raise InvalidInput(f"{source.path}: more than {max_errors} rows are refused")
                continue
            count += 1
            samples += [found][: SHOWN - len(samples)]
            waiting[found.item_id] = encode_item(found)
            if save and len(waiting) >= AT_ONCE:
                save(waiting)
                waiting = {}
    except InvalidInput as error:
        broken = str(error)
    if save and waiting:
        save(waiting)
    return ItemReport(str(source.path), rows, count, bad, errors, samples, broken)


def _items(source: SourceFile, mapping: ItemMapping | None) -> Iterator[tuple[int, Item | Refused]]:
    table = read_table(source, dialect_of(mapping), columns_of(mapping) if mapping else None)
    fields = _own if mapping is None else _mapped(mapping)
    for name in table.columns or ():
        if mapping is None and name not in FIELDS:
            ours = ", ".join(f"`{field}`" for field in FIELDS)
            raise InvalidInput(f"{source.path}: the column `{name}` is none of ours ({ours}): give a --mapping", name)
    for name in columns_of(mapping) if mapping else ("item_id",):
        if table.columns is not None and name not in table.columns and name.partition(".")[0] not in table.columns:
            raise InvalidInput(f"{source.path}: there is no column `{name}`", name)
    for raw in table.rows:
        yield raw.number, _item(raw, fields)


def _item(raw: RawRow, fields: Fields) -> Item | Refused:
    if raw.problem is not None:
        return refused(raw)
    body = b""
    try:
        body = _encode(fields(raw))
        return read_item(body)
    except UNREADABLE as error:
        bad = row_error(0, body, ItemIn, str(error))
        return Refused(raw.number, Problem(bad.path, bad.value, bad.message))
    except InvalidInput as error:
        return Refused(raw.number, Problem(error.key, error.value, str(error)))
    except _UNSPEAKABLE as error:
        return Refused(raw.number, Problem("", None, f"cannot be an item: {error}"))


def _own(raw: RawRow) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in raw.values:
        value = cell(raw.values, name)
        if value is MISSING:
            continue
        if isinstance(value, str):  # CSV has only texts
            if name in ("categories", "attributes"):
                value = json_of(name, value)
            elif name == "price":
                value = reader(name, "number")(raw.values)
            elif name == "available":
                value = reader(name, "boolean")(raw.values)
        if name == "attributes":
            value = json_of(name, value)
        found[name] = value
    return found


def _mapped(mapping: ItemMapping) -> Fields:
    kinds = {"item_id": "text", "title": "text", "brand": "text", "price": "number", "available": "boolean"}
    plain = [
        (name, reader(each, kind))  # type: ignore[arg-type]
        for name, kind in kinds.items()
        if (each := getattr(mapping, name)) is not None
    ]
    categories = [reader(each, "text") for each in mapping.categories]
    attributes = [(name, reader(each, None)) for name, each in mapping.attributes.items()]

    def fields(raw: RawRow) -> dict[str, Any]:
        found = {name: value for name, read in plain if (value := read(raw.values)) is not MISSING}
        found["categories"] = [value for read in categories if (value := read(raw.values)) is not MISSING]
        found["attributes"] = {name: v for name, read in attributes if (v := read(raw.values)) is not MISSING}
        return found

    return fields
