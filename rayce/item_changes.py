"""That items of a catalogue changed, as the topic `rayce.items` tells it.

It says where to look, not what is there: that is for durable memory, so that the order in which two changes arrive does not
matter, as with flips (`rayce.flip`).
"""

import msgspec
from msgspec import Struct

from rayce.refusals import UNREADABLE


class ItemChange(Struct, frozen=True):
    """The tenant, and the ids of items that were put, replaced or taken out."""

    tenant: str
    items: tuple[str, ...]


def encode_item_change(change: ItemChange) -> bytes:
    """As it stands in the topic.

    >>> decode_item_change(encode_item_change(ItemChange("shop", ("p1",))))
    ItemChange(tenant='shop', items=('p1',))
    """
    return msgspec.json.encode(change)


def decode_item_change(value: bytes | None) -> ItemChange | None:
    """Inverse of `encode_item_change`; None for what is no such thing, such as another version's."""
    try:
        return msgspec.json.decode(value or b"", type=ItemChange)
    except UNREADABLE:
        return None
