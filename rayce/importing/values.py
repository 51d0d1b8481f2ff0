"""Values of a file's columns as what events and items need: text, whole number, number, yes or no."""

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeVar

from rayce.errors import InvalidInput
from rayce.importing.mapping import Kind, Source

MISSING: Any = None
"""What a column has where it has nothing: null, an empty text, not-a-number."""
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
_LARGEST = 2**53

T = TypeVar("T")
Read = Callable[[Mapping[str, Any]], Any]
"""A field's value out of a row; `MISSING` where there is none, `InvalidInput` (column, value) where it cannot be used."""


def reader(source: str | Source, kind: Kind | None) -> Read:
    """Reads a field of the given kind (None: as it stands in the file)."""
    if isinstance(source, str):
        source = Source(column=source)
    kind = source.kind or kind
    if source.column is None:
        constant = _constant(source, kind)
        return lambda row: constant
    column, values, otherwise, decimal = source.column, source.values, source.otherwise, source.decimal

    def read(row: Mapping[str, Any]) -> Any:
        value = cell(row, column)
        if values is not None:
            value = _translated(column, value, values, otherwise)
        return MISSING if value is MISSING else _converted(column, value, kind, decimal)

    return read


def _constant(source: Source, kind: Kind | None) -> Any:
    try:
        return _converted("constant", source.constant, kind, source.decimal)
    except InvalidInput as error:
        raise InvalidInput(
            f"the constant {source.constant!r} of the mapping: {error}", error.key, error.value
        ) from None


def cell(row: Mapping[str, Any], column: str) -> Any:
    """What stands in a column; of JSON lines also in a nested place (`customer.id`)."""
    value = row.get(column)
    if value is None and "." in column and column not in row:
        value = row
        for name in column.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
    if value == "" or (type(value) is float and math.isnan(value)):
        return MISSING
    return value


def named(values: Mapping[str, T], text: str) -> T | None:
    """What `values` name for a text; None where they do not. `True` and `TRUE` are `true`, unless named themselves."""
    found = values.get(text)
    if found is None and text.lower() in ("true", "false"):
        found = next((values[name] for name in (text.lower(), text.capitalize(), text.upper()) if name in values), None)
    return found


def _translated(column: str, value: Any, values: Mapping[str, Any], otherwise: Any) -> Any:
    found = named(values, "" if value is MISSING else _text(column, value))
    found = otherwise if found is None else found
    if found is None and value is not MISSING:
        raise InvalidInput(f"`values` of the mapping does not name {str(value)[:64]!r}", column, value)
    return found


def _converted(column: str, value: Any, kind: Kind | None, decimal: str) -> Any:
    if kind is None:
        return _scalar(column, value)
    if kind == "text":
        return _text(column, value)
    if kind == "boolean":
        return _boolean(column, value)
    number = _number(column, value, decimal)
    if kind == "number":
        return number
    if number != int(number):
        raise InvalidInput("not a whole number", column, value)
    return int(number)


def _scalar(column: str, value: Any) -> Any:
    if isinstance(value, str | int | float):
        return value
    return float(value) if isinstance(value, Decimal) else _text(column, value)


def _text(column: str, value: Any) -> str:
    """As a person would write it: numbers without a needless `.0`, moments as of ISO 8601."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST:
        return str(int(value))  # pandas makes floats of ids where one is missing
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise InvalidInput("bytes that are not UTF-8", column, value[:32]) from None
    raise InvalidInput(f"one value is needed, not a {type(value).__name__}", column, None)


def _boolean(column: str, value: Any) -> bool:
    found = _BOOLEANS.get(_text(column, value).strip().lower())
    if found is None:
        raise InvalidInput(f"neither yes nor no ({', '.join(_BOOLEANS)})", column, value)
    return found


def _number(column: str, value: Any, decimal: str) -> int | float:
    if isinstance(value, bool):
        raise InvalidInput("not a number", column, value)
    if isinstance(value, int) and abs(value) <= _LARGEST:
        return value
    text = _text(column, value).strip() if not isinstance(value, int | float | Decimal) else str(value)
    if decimal == "," and isinstance(value, str):
        text = text.replace(".", "").replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        raise InvalidInput("not a number", column, value) from None
    if not math.isfinite(number) or "_" in text:
        raise InvalidInput("not a number", column, value)
    return number
