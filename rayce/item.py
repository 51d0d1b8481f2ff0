"""An item of a tenant's catalogue."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from rayce.event import Scalar

ItemId = Annotated[str, Meta(min_length=1, max_length=128)]
Word = Annotated[str, Meta(max_length=256)]


class Item(Struct, frozen=True, forbid_unknown_fields=True):
    """A product. `categories` go from wide to narrow; `price` is of one piece, in the shop's currency."""

    item_id: ItemId
    title: Word = ""
    categories: Annotated[tuple[Word, ...], Meta(max_length=16)] = ()
    brand: Word = ""
    price: Annotated[float, Meta(ge=0)] | None = None
    available: bool = True
    attributes: Annotated[dict[Word, Scalar], Meta(max_length=64)] = {}


decode_item = msgspec.json.Decoder(Item).decode
encode_item = msgspec.json.Encoder().encode
