"""The catalogue as rows."""

from collections.abc import Iterator
from typing import Any

import msgspec

from rayce.item import decode_item
from rayce.stores.interfaces import DurableItems


def exported_items(durable: DurableItems, tenant: str) -> Iterator[dict[str, Any]]:
    """The tenant's items, in order of id."""
    for _item_id, body in durable.all_items(tenant):
        yield msgspec.structs.asdict(decode_item(body))
