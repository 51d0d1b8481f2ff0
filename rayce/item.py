"""An item of a tenant's catalogue."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

PLAIN = r"^[^\x00-\x1f\x7f\ufffd]*$(?!\n)"
"""Of an id as callers say it: no control characters, and not what stands for bytes that are no text.

To Python `$` is also before a line feed at the end, hence the last part; to JavaScript the last part says nothing.
"""
ItemId = Annotated[str, Meta(min_length=1, max_length=128)]
"""As the log and the stores may have it."""
PlainItemId = Annotated[str, Meta(min_length=1, max_length=128, pattern=PLAIN)]
"""As callers may say it."""
Word = Annotated[str, Meta(max_length=256)]
Categories = Annotated[tuple[Word, ...], Meta(max_length=16)]
Price = Annotated[float, Meta(ge=0, le=1e9)]
Attribute = Annotated[str, Meta(max_length=512)] | Annotated[int, Meta(ge=-(2**53), le=2**53)] | float | bool
Attributes = Annotated[dict[Annotated[str, Meta(max_length=64)], Attribute], Meta(max_length=64)]
"""Together an item stays well below the 400 KB that DynamoDB takes."""


class Item(Struct, frozen=True, forbid_unknown_fields=True):
    """A product. `categories` go from wide to narrow; `price` is of one piece, in the shop's currency."""

    item_id: ItemId
    title: Word = ""
    categories: Categories = ()
    brand: Word = ""
    price: Price | None = None
    available: bool = True
    attributes: Attributes = {}


class ItemIn(Item, frozen=True, forbid_unknown_fields=True):
    """A product as a shop says it."""

    item_id: PlainItemId


read_item = msgspec.json.Decoder(ItemIn).decode
decode_item = msgspec.json.Decoder(Item).decode
encode_item = msgspec.json.Encoder().encode
