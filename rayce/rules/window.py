"""When something holds: from, until, days of the week and hours, all in one time zone.

`from` and `until` are RFC 3339 moments, local moments of the zone, or dates; `until` a date means to the end of that day.
Hours are `HH:MM-HH:MM`; where the end is not after the beginning they go on past midnight and belong to the day they began on.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from rayce.errors import InvalidDocument

Refused = TypeVar("Refused", bound=InvalidDocument)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN, WEEK_MIN = 1440, 7 * 1440

_MOMENT = re.compile(r"2[01]\d\d-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)?)?")
_HOURS = re.compile(r"(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)")


class Window(NamedTuple):
    """Moments in ms, None: open; minutes of the week of `zone` as (from, until), empty: always."""

    from_ms: int | None
    until_ms: int | None
    minutes: tuple[tuple[int, int], ...]
    zone: ZoneInfo

    def compile(self) -> Callable[[int], bool] | None:
        """Whether it holds at a moment (ms); None where it always does."""
        if self.from_ms is None and self.until_ms is None and not self.minutes:
            return None
        first = -(2**63) if self.from_ms is None else self.from_ms
        end = 2**63 if self.until_ms is None else self.until_ms
        minutes, zone = self.minutes, self.zone

        def holds(now_ms: int) -> bool:
            if not first <= now_ms < end:
                return False
            if not minutes:
                return True
            local = datetime.fromtimestamp(now_ms / 1000, zone)
            minute = local.weekday() * DAY_MIN + local.hour * 60 + local.minute
            return any(begin <= minute < over for begin, over in minutes)

        return holds


def parse_window(
    from_: str | None,
    until: str | None,
    zone: str,
    days: tuple[str, ...],
    hours: tuple[str, ...],
    key: str,
    refused: type[InvalidDocument],
) -> Window:
    """The window; `refused` names the key below `key` and the value that offends."""
    place = _place(zone, f"{key}.zone", refused)
    begin = None if from_ is None else _moment(from_, place, False, f"{key}.from", refused)
    end = None if until is None else _moment(until, place, True, f"{key}.until", refused)
    if begin is not None and end is not None and begin >= end:
        raise refused(f"{key}.until: `{until}` is not after `from`, `{from_}`", f"{key}.until", until)
    spans = [_span(text, f"{key}.hours[{i}]", refused) for i, text in enumerate(hours)] or [(0, DAY_MIN)]
    if not days and not hours:
        return Window(begin, end, (), place)
    return Window(begin, end, tuple(_week(days or DAYS, spans)), place)


def window_mistakes(
    from_: str | None, until: str | None, zone: str, hours: tuple[str, ...], key: str, refused: type[Refused]
) -> Iterator[Refused]:
    """All that `parse_window` refuses."""
    found = None
    try:
        place = _place(zone, f"{key}.zone", refused)
    except refused as mistake:
        yield mistake
        place = ZoneInfo("UTC")
    for text, name in ((from_, "from"), (until, "until")):
        if text is not None:
            try:
                _moment(text, place, name == "until", f"{key}.{name}", refused)
            except refused as mistake:
                found = mistake
                yield mistake
    if found is None:
        try:
            parse_window(from_, until, place.key, (), (), key, refused)
        except refused as mistake:
            yield mistake
    for i, text in enumerate(hours):
        try:
            _span(text, f"{key}.hours[{i}]", refused)
        except refused as mistake:
            yield mistake


def _place(zone: str, key: str, refused: type[InvalidDocument]) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise refused(f"{key}: unknown time zone `{zone}`", key, zone) from None


def _moment(text: str, zone: ZoneInfo, to_its_end: bool, key: str, refused: type[InvalidDocument]) -> int:
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError(text)
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise refused(
            f"{key}: a date (2026-11-27) or a moment (2026-11-27T09:00, 2026-11-27T09:00:00+01:00), not {text!r}",
            key,
            text,
        ) from None
    if len(text) == len("2026-11-27") and to_its_end:
        moment += timedelta(days=1)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return round(moment.astimezone(UTC).timestamp() * 1000)


def _span(text: str, key: str, refused: type[InvalidDocument]) -> tuple[int, int]:
    found = _HOURS.fullmatch(text)
    if found:
        hour, minute, end_hour, end_minute = map(int, found.groups())
        begin, end = hour * 60 + minute, end_hour * 60 + end_minute
        if max(minute, end_minute) < 60 and begin < DAY_MIN and end <= DAY_MIN:
            return begin, end if end > begin else end + DAY_MIN
    raise refused(f"{key}: hours are HH:MM-HH:MM, not {text!r}", key, text)


def _week(days: tuple[str, ...], spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found = []
    for day in sorted({DAYS.index(name) for name in days}):
        for begin, end in spans:
            first, last = day * DAY_MIN + begin, day * DAY_MIN + end
            found.append((first, min(last, WEEK_MIN)))
            if last > WEEK_MIN:
                found.append((0, last - WEEK_MIN))
    return found
