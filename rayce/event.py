"""The event as it travels the log: pseudonymous, allow-listed, stamped with the consent it was accepted under.

Encoded as a MessagePack array whose first element is the version. Fields are only ever added, at the end, with a default;
`tests/rayce/golden/` keeps a file of every version and all still decode. What decodes can be folded: the limits are
checked here too, since not only our edge may write to the log.
"""

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from rayce.errors import UndecodableEvent
from rayce.item import ItemId, Price, Word

VERSION = 2

Behaviour = Literal[
    "view",
    "click",
    "search",
    "login",
    "add_to_cart",
    "remove_from_cart",
    "purchase",
    "rating",
    "impression",
    "custom",
]
"""What a person can do."""
BEHAVIOUR = get_args(Behaviour)
CONSENT_CHANGED = "consent_changed"
ERASED = "erased"
SEGMENT_OVERRIDE = "segment_override"
CONTROL = (CONSENT_CHANGED, ERASED, SEGMENT_OVERRIDE)

_TYPES = frozenset((*BEHAVIOUR, *CONTROL))

LATEST_MS = 4_102_444_800_000
"""The year 2100: a later timestamp is a mistake."""

Scalar = str | int | float | bool
Moment = Annotated[int, Meta(ge=0, le=LATEST_MS)]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]
Person = Annotated[str, Meta(max_length=128, pattern="^[^:]+:[0-9a-f]{32}$")]
Purposes = Annotated[int, Meta(ge=0, le=255)]


class Line(Struct, frozen=True, array_like=True):
    """One product of an event; price is of one piece, in the shop's currency, None where unknown.

    Category and brand are as the sender or the catalogue had them when the event was accepted: the fold asks nobody.
    """

    item_id: ItemId
    quantity: Quantity = 1
    price: Price | None = None
    category: Word = ""
    brand: Word = ""


class Event(Struct, frozen=True, array_like=True):
    """One thing a person did. `timestamp_ms` is the sender's clock; `consent` the purposes allowed when it was accepted."""

    version: int
    event_id: Annotated[str, Meta(max_length=128)]
    type: str
    tenant: Annotated[str, Meta(max_length=256)]
    person: Person
    timestamp_ms: Moment
    session: Annotated[str, Meta(max_length=64)] = ""
    items: Annotated[tuple[Line, ...], Meta(max_length=500)] = ()
    context: dict[str, Scalar] = {}
    properties: dict[str, Scalar] = {}
    consent: Purposes = 0


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Event)


def encode_event(event: Event) -> bytes:
    """The record's value in the log."""
    return _encoder.encode(event)


def decode_event(data: bytes) -> Event:
    """Inverse of `encode_event` for every version up to ours; `UndecodableEvent` otherwise."""
    try:
        event = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UndecodableEvent(f"not an event: {error}", "value", data[:64]) from None
    if event.version > VERSION:
        raise UndecodableEvent(f"event version {event.version} is newer than {VERSION}", "version", event.version)
    if event.type not in _TYPES:
        raise UndecodableEvent(f"unknown event type {event.type[:64]!r}", "type", event.type[:64])
    return event
