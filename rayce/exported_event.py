"""An event of the log as a row of a file, and back: what `rayce export events` writes and `rayce import events` reads.

Nothing is lost on the way, so that whoever folds it finds the same state to the bit. People and sessions are pseudonyms: such
a file belongs to the tenant and the keys that it was made under, so every row says its tenant.
"""

import math
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from rayce.errors import InvalidInput
from rayce.event import VERSION, Event, Line, Moment, Person, Purposes, Quantity, decode_event, encode_event
from rayce.item import ItemId, Price, Word
from rayce.refusals import excerpt


class NotFinite(Struct, frozen=True, forbid_unknown_fields=True):
    """A number that JSON cannot say: `nan`, `inf` or `-inf`."""

    number: str


Said = str | int | float | bool | NotFinite


class ExportedLine(Struct, frozen=True, forbid_unknown_fields=True):
    """One product, with category and brand as they were when the event was accepted."""

    item_id: ItemId
    quantity: Quantity = 1
    price: Price | None = None
    category: Word = ""
    brand: Word = ""


class ExportedEvent(Struct, frozen=True, forbid_unknown_fields=True):
    """One event; also those that change consent, erase, or set a segment."""

    event_id: Annotated[str, Meta(max_length=128)]
    type: str
    person: Person
    timestamp_ms: Moment
    tenant: str
    session: Annotated[str, Meta(max_length=64)] = ""
    items: tuple[ExportedLine, ...] = ()
    context: dict[str, Said] = {}
    properties: dict[str, Said] = {}
    consent: Purposes = 0
    partition: Annotated[int, Meta(ge=0)] | None = None
    offset: Annotated[int, Meta(ge=0)] | None = None
    """Where it stood in the log that it comes from: what a repetition in that log is told by."""


FIELDS = ExportedEvent.__struct_fields__
NEEDED = ("event_id", "type", "person", "timestamp_ms", "tenant")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ExportedEvent).decode


def exported(event: Event, partition: int, offset: int) -> dict[str, Any]:
    """The row of a record: its values by column; `items`, `context` and `properties` as JSON can say them."""
    return {
        "event_id": event.event_id,
        "type": event.type,
        "person": event.person,
        "timestamp_ms": event.timestamp_ms,
        "tenant": event.tenant,
        "session": event.session,
        "items": [
            {"item_id": i.item_id, "quantity": i.quantity, "price": i.price, "category": i.category, "brand": i.brand}
            for i in event.items
        ],
        "context": {name: _said(value) for name, value in event.context.items()},
        "properties": {name: _said(value) for name, value in event.properties.items()},
        "consent": event.consent,
        "partition": partition,
        "offset": offset,
    }


def imported(body: bytes, tenant: str) -> tuple[Event, str]:
    """The event of a row, which is JSON, and the place that it stood in ("" where it does not say).

    `msgspec.DecodeError` or `InvalidInput` where it could not stand in the log, or is another tenant's: states are kept by
    pseudonym alone, so its people would become this tenant's.
    """
    row = _decode(body)
    if row.tenant != tenant:
        raise InvalidInput(f"an event of another tenant: this import is for {tenant!r}", "tenant", excerpt(row.tenant))
    event = Event(
        version=VERSION,
        event_id=row.event_id,
        type=row.type,
        tenant=tenant,
        person=row.person,
        timestamp_ms=row.timestamp_ms,
        session=row.session,
        items=tuple(Line(i.item_id, i.quantity, i.price, i.category, i.brand) for i in row.items),
        context={name: _value(said) for name, said in row.context.items()},
        properties={name: _value(said) for name, said in row.properties.items()},
        consent=row.consent,
    )
    place = "" if row.partition is None or row.offset is None else f"{row.partition}/{row.offset}"
    return decode_event(encode_event(event)), place


def _said(value: Any) -> Any:
    return {"number": repr(value)} if isinstance(value, float) and not math.isfinite(value) else value


def _value(said: Said) -> str | int | float | bool:
    return float(said.number) if isinstance(said, NotFinite) else said
