"""A shop whose catalogue keeps lists of members, and how tests read them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml

from rayce.segments.catalogue import parse_catalogue
from tests.deployments.shop import Shop

SEGMENTS: list[dict[str, Any]] = [
    {"name": "browser", "bit": 2, "when": {"feature": "purchases", "lt": 1}, "listed": True},
    {"name": "buyer", "bit": 9, "when": {"feature": "purchases", "ge": 1}, "listed": True},
    {"name": "unlisted", "bit": 40, "when": {"feature": "purchases", "ge": 1}},
]


def listed_shop(executor: ThreadPoolExecutor) -> Shop:
    """Open; nobody has consented yet."""
    rules = [{"kind": "rule", "triggers": ["view", "purchase"], **segment} for segment in SEGMENTS]
    made = Shop(executor, catalogue=parse_catalogue(yaml.safe_dump({"version": 1, "segments": rules})))
    made.publish()
    return made


async def members(shop: Shop, name: str = "browser", limit: int = 100, key: str = "shop-key") -> list[str]:
    """All pages of a list."""
    found: list[str] = []
    query = f"?limit={limit}"
    while True:
        reply = await shop.call("GET", f"/v1/segments/{name}/members{query}", key=key)
        assert reply.status == 200, reply
        found += reply.json["members"]
        if reply.json["next"] is None:
            return found
        query = f"?limit={limit}&cursor={reply.json['next']}"
