"""The event as it travels the log: pseudonymous, allow-listed, stamped with the consent it was accepted under.

Encoded as a MessagePack array whose first element is the version. Fields are only ever added, at the end, with a default;
`tests/rayce/golden/` keeps a file of every version and all still decode.
"""

import msgspec
from msgspec import Struct

from rayce.errors import UndecodableEvent

VERSION = 1

BEHAVIOUR = (
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
)
CONSENT_CHANGED = "consent_changed"
CONTROL = (CONSENT_CHANGED, "erased", "segment_override")

Scalar = str | int | float | bool


class Line(Struct, frozen=True, array_like=True):
    """One product of an event; price is of one piece, in the shop's currency, None where unknown."""

    item_id: str
    quantity: int = 1
    price: float | None = None


class Event(Struct, frozen=True, array_like=True):
    """One thing a person did. `timestamp_ms` is the sender's clock; `consent` the purposes allowed when it was accepted."""

    version: int
    event_id: str
    type: str
    tenant: str
    person: str
    timestamp_ms: int
    session: str = ""
    items: tuple[Line, ...] = ()
    context: dict[str, Scalar] = {}
    properties: dict[str, Scalar] = {}
    consent: int = 0


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Event)


def encode_event(event: Event) -> bytes:
    """The record's value in the log."""
    return _encoder.encode(event)


def decode_event(data: bytes) -> Event:
    """Inverse of `encode_event` for every version up to ours; `UndecodableEvent` otherwise."""
    try:
        event = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise UndecodableEvent(f"not an event: {error}", "value", data[:64]) from None
    if event.version > VERSION:
        raise UndecodableEvent(f"event version {event.version} is newer than {VERSION}", "version", event.version)
    return event
