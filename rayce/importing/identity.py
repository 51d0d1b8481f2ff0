"""Ids of imported events: the same row gets the same id at every import, so that it can be counted once.

A row that brings an id keeps it. Otherwise the id is a UUIDv7 of the event's moment whose other bits are a digest, either of
what the log will say of the event (`content`: equal rows are one event, in whichever file they stand) or of the file and the
row's place in it (`position`: equal rows are different events, and only the same file is known again). Category and brand do
not count: they are the catalogue's at the time. Nothing goes into a digest that is not in the log beside it.
"""

from hashlib import blake2b

import msgspec

from rayce.event import Event
from rayce.uuid7 import uuid7

_NOISE_BYTES = 10
_encode = msgspec.json.Encoder().encode


def id_of_content(event: Event) -> str:
    """By person, type, moment, session, products with quantity and price, context and properties."""
    lines = [(line.item_id, line.quantity, line.price) for line in event.items]
    said = (event.person, event.type, event.timestamp_ms, event.session, lines, event.context, event.properties)
    return str(uuid7(event.timestamp_ms, blake2b(_encode(said), digest_size=_NOISE_BYTES).digest()))


def id_of_position(event: Event, fingerprint: str, row: int) -> str:
    """By the file's fingerprint and the row's number."""
    return str(uuid7(event.timestamp_ms, blake2b(f"{fingerprint}/{row}".encode(), digest_size=_NOISE_BYTES).digest()))


def digest_of_event(event: Event, place: str = "") -> int:
    """64 bits by person and id: what the ledger of imports remembers of an event.

    With the place in the log that it was exported from: then an event that stood there twice may come twice, as it did there.
    """
    known_by = f"{event.person}\0{event.event_id}\0{place}"
    return int.from_bytes(blake2b(known_by.encode(), digest_size=8).digest(), "big")
