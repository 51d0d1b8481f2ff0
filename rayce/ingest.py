"""Ingest: what callers send becomes events of the log. Bad rows are named one by one; nothing unlisted passes.

Raw user ids, e-mail addresses, IP addresses and query strings stop here: identities become pseudonyms, context and
properties pass an allow-list of fields, and a listed field whose text looks like an address is left out.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct

from rayce.errors import InvalidInput
from rayce.event import LATEST_MS, VERSION, Behaviour, Event, Line, Moment, Quantity, Scalar
from rayce.item import PLAIN, PlainItemId, Price, Word
from rayce.item_words import NO_WORDS, ItemWords
from rayce.pseudonym import Pseudonymizer
from rayce.refusals import UNREADABLE, RowError, excerpt, row_error
from rayce.settings import PrivacySettings
from rayce.uuid7 import uuid7

MAX_TEXT = 64
_IDENTIFYING = re.compile(
    r"@|\uff20|%40"  # e-mail addresses
    r"|\?|https?:|//|=\w"  # addresses of pages, query strings
    r"|\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9a-fA-F]{0,4}:){3,}|::",  # IP addresses, versions 4 and 6
    re.IGNORECASE,
)
NOTHING: Mapping[str, Scalar] = MappingProxyType({})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Id = Annotated[str, Meta(min_length=1, max_length=256, pattern=PLAIN)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=1024)]
Value = Text | Annotated[int, Meta(ge=-(2**53), le=2**53)] | float | bool
Values = Annotated[dict[Name, Value], Meta(max_length=64)]


class LineIn(Struct, frozen=True, forbid_unknown_fields=True):
    """One product of an event; its category and brand are those of the item catalogue where they are not said."""

    item_id: PlainItemId
    quantity: Quantity = 1
    price: Price | None = None
    category: Word = ""
    brand: Word = ""


class EventIn(Struct, frozen=True, forbid_unknown_fields=True):
    """One event as callers send it."""

    type: Behaviour
    user_id: Id
    event_id: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_-]+$(?!\n)")] | None = None
    session_id: Id | None = None
    timestamp: Moment | Annotated[str, Meta(max_length=40)] | None = None
    items: Annotated[tuple[LineIn, ...], Meta(max_length=500)] = ()
    context: Values = {}
    properties: Values = {}


class Row(NamedTuple):
    """A good row: its place in the body, the event, and its moment."""

    number: int
    event: EventIn
    timestamp_ms: int


_row_decoder = msgspec.json.Decoder(EventIn)
_raws_decoder = msgspec.json.Decoder(list[msgspec.Raw])


def split_rows(body: bytes, is_lines: bool, max_rows: int) -> Sequence[bytes | msgspec.Raw]:
    """The rows of a body: one object, an array, or JSON lines. `InvalidInput` where it is none of them."""
    text = body.strip()
    if is_lines:
        rows: Sequence[bytes | msgspec.Raw] = [line for line in text.splitlines() if line.strip()]
    elif text.startswith(b"["):
        try:
            rows = _raws_decoder.decode(text)
        except UNREADABLE as error:
            raise InvalidInput(f"the body is not JSON: {error}", "$", excerpt(text)) from None
    else:
        rows = [text]
    if not text or not rows:
        raise InvalidInput("the body holds nothing", "$", excerpt(text))
    if len(rows) > max_rows:
        raise InvalidInput(f"{len(rows)} rows in one body, at most {max_rows} are allowed", "$", len(rows))
    return rows


def read_rows(rows: Sequence[bytes | msgspec.Raw], now_ms: int, tolerance_s: int) -> tuple[list[Row], list[RowError]]:
    """The good rows and the refused ones, in order."""
    good: list[Row] = []
    bad: list[RowError] = []
    for index, raw in enumerate(rows):
        try:
            event = _row_decoder.decode(raw)
            good.append(Row(index, event, _timestamp_ms(event.timestamp, now_ms, tolerance_s)))
        except UNREADABLE as error:
            bad.append(row_error(index, bytes(raw), EventIn, str(error)))
        except InvalidInput as error:
            bad.append(RowError(index, error.key, error.value, str(error)))
    return good, bad


class Stamper:
    """Turns good rows into events of the log."""

    def __init__(self, pseudonymizer: Pseudonymizer, privacy: PrivacySettings) -> None:
        self._pseudonymizer = pseudonymizer
        self._context = frozenset(privacy.context_fields)
        self._properties = frozenset(privacy.property_fields)

    def stamp(
        self,
        row: Row,
        tenant: str,
        person: str,
        purposes: int,
        words: ItemWords = NO_WORDS,
        detected: Mapping[str, Scalar] = NOTHING,
    ) -> Event:
        """The event of a row: pseudonymous, allow-listed, with the consent it was accepted under.

        `words` are the tenant's live ones. They are put into the event here, so that whoever folds it, now or in a replay,
        finds the same. `detected` are context fields that may be kept; what the sender says of them counts more.
        """
        event = row.event
        session = self._pseudonymizer.session(tenant, event.session_id) if event.session_id else ""
        return Event(
            version=VERSION,
            event_id=event.event_id or str(uuid7(row.timestamp_ms)),
            type=event.type,
            tenant=tenant,
            person=person,
            timestamp_ms=row.timestamp_ms,
            session=session,
            items=tuple(_line(line, words) for line in event.items),
            context={**detected, **listed(event.context, self._context)}
            if detected
            else listed(event.context, self._context),
            properties=listed(event.properties, self._properties),
            consent=purposes,
        )


def _line(line: LineIn, words: ItemWords) -> Line:
    category, brand = words.get(line.item_id, _UNKNOWN)
    if line.category or line.brand:
        category, brand = _word(line.category) or category, _word(line.brand) or brand
    return Line(line.item_id, line.quantity, line.price, category, brand)


_UNKNOWN = ("", "")


def _word(said: str) -> str:
    """What the sender said, unless it looks like an address."""
    return "" if _IDENTIFYING.search(said) else said[:MAX_TEXT]


def listed(values: Mapping[str, Scalar], allowed: frozenset[str]) -> dict[str, Scalar]:
    """Those of the values that may be kept: allowed by name, short, and without anything that looks like an address."""
    return {
        name: value[:MAX_TEXT] if isinstance(value, str) else value
        for name, value in values.items()
        if name in allowed and not (isinstance(value, str) and _IDENTIFYING.search(value))
    }


def _timestamp_ms(timestamp: int | str | None, now_ms: int, tolerance_s: int) -> int:
    if timestamp is None:
        return now_ms
    moment_ms = timestamp if isinstance(timestamp, int) else _rfc3339_ms(timestamp)
    if not 0 <= moment_ms <= LATEST_MS:
        raise InvalidInput("outside 1970 to 2100", "$.timestamp", timestamp)
    if moment_ms > now_ms + tolerance_s * 1000:
        raise InvalidInput(f"more than {tolerance_s} s in the future", "$.timestamp", timestamp)
    return moment_ms


def _rfc3339_ms(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("neither milliseconds since the epoch nor RFC 3339", "$.timestamp", text) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)
