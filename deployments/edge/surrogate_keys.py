"""Surrogate keys: names by which a CDN forgets all replies that hold something. Hashes: no tenant, no item id in the clear."""

from collections.abc import Iterable
from hashlib import blake2b

MAX_ITEMS = 100
_BYTES = 6


def tenant_key(tenant: str) -> str:
    """Of everything of a tenant."""
    return f"t-{_hash(tenant)}"


def item_key(tenant: str, item_id: str) -> str:
    """Of every reply that holds the item."""
    return f"i-{_hash(f'{tenant}/{item_id}')}"


def kind_key(tenant: str, kind: str) -> str:
    """Of every reply that depends on a kind of generation, whichever number of it, and whether there was one at all."""
    return f"g-{_hash(f'{tenant}/{kind}')}"


def slot_key(tenant: str, slot: str) -> str:
    """Of every reply for a slot."""
    return f"s-{_hash(f'{tenant}/{slot}')}"


def surrogate_keys(tenant: str, generations: Iterable[tuple[str, int]], item_ids: Iterable[str]) -> str:
    """The header's value: the tenant's key, one for each (kind, number) of a generation, and those of the items shown."""
    of_items = [item_key(tenant, item_id) for item_id in item_ids][:MAX_ITEMS]
    return " ".join([tenant_key(tenant), *(f"{kind}-{number}" for kind, number in generations), *of_items])


def _hash(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=_BYTES).hexdigest()
