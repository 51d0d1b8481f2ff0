"""A flip: another generation of a name is live, as the compacted topic `rayce.models` tells it, by name.

It says when to look, not what is there: that is for the pointers in durable memory, so that the order in which two flips arrive
does not matter.
"""

import msgspec
from msgspec import Struct

from rayce.refusals import UNREADABLE


class Flip(Struct, frozen=True):
    """Name and number of the generation (`rayce.generations.generation_name`), and when it went live, ms since the epoch."""

    name: str
    number: int
    at_ms: int


def encode_flip(flip: Flip) -> bytes:
    """As it stands in the topic.

    >>> decode_flip(encode_flip(Flip("shop/rules", 3, 5)))
    Flip(name='shop/rules', number=3, at_ms=5)
    """
    return msgspec.json.encode(flip)


def decode_flip(value: bytes | None) -> Flip | None:
    """Inverse of `encode_flip`; None for what is no flip, such as another version's."""
    try:
        return msgspec.json.decode(value or b"", type=Flip)
    except UNREADABLE:
        return None
