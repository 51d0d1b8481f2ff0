"""Moments of a file's column as milliseconds since the epoch."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from rayce.errors import InvalidInput
from rayce.event import LATEST_MS
from rayce.importing.mapping import UNITS, MomentSource
from rayce.importing.values import MISSING, cell, reader

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
REMEMBERED = 4_096
"""Texts whose moment is remembered: files are sorted by time, and the same moment stands there many times."""


def moment_reader(source: str | MomentSource) -> Callable[[Mapping[str, Any]], int]:
    """Reads an event's moment. `InvalidInput` names column and value; a row without a moment is refused.

    A moment that does not say its zone is one of the mapping's; where the clock is set back it is the earlier of the two.
    """
    if isinstance(source, str):
        source = MomentSource(column=source)
    column, form = source.column, source.format
    zone = UTC if source.zone == "UTC" else ZoneInfo(source.zone)
    number = reader(column, "number") if form in UNITS else None
    unit = UNITS.get(form, 1)

    @lru_cache(REMEMBERED)
    def parsed(text: str) -> int:
        return _ms(datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form), zone)

    def read(row: Mapping[str, Any]) -> int:
        value = cell(row, column)
        if value is MISSING:
            raise InvalidInput("no moment: what has none cannot be counted once", column, value)
        at_ms = moment(row, value)
        if at_ms is None:
            raise InvalidInput(f"no moment of the form `{form}`", column, value)
        if not 0 <= at_ms <= LATEST_MS:
            raise InvalidInput("a moment before 1970 or after 2099", column, value)
        return at_ms

    def moment(row: Mapping[str, Any], value: Any) -> int | None:
        try:
            if isinstance(value, datetime):
                return _ms(value, zone)
            if isinstance(value, date):
                return _ms(datetime(value.year, value.month, value.day), zone)
            if number is not None:
                return _whole(number(row), unit)
            if isinstance(value, str):
                return parsed(value.strip())
        except (ValueError, OverflowError):
            pass
        return None

    return read


def _whole(value: float, unit: float) -> int:
    return value // round(1 / unit) if isinstance(value, int) and unit < 1 else round(value * unit)


def _ms(moment: datetime, zone: tzinfo) -> int:
    return ((moment if moment.tzinfo else moment.replace(tzinfo=zone)) - _EPOCH) // _MS
