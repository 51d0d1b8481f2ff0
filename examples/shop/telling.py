"""What the shop tells rayce: what somebody allows, and what somebody does. A page never fails, nor waits long, for it."""

import asyncio
from collections.abc import Callable, Mapping
from uuid import uuid4

from examples.shop.catalogue import Catalogue
from examples.shop.visitor import Visitor
from rayce.client import RayceClient, RayceClientError

PATIENCE_S = 0.4
"""How long a page waits for rayce to hear something; then it goes on in the background."""


class Telling:
    """Tells rayce over one client. Of whoever has not consented nothing is told."""

    def __init__(self, rayce: RayceClient, catalogue: Catalogue, now_ms: Callable[[], int]) -> None:
        self._rayce = rayce
        self._catalogue = catalogue
        self._now_ms = now_ms

    async def settled(self, visitor: Visitor) -> Visitor:
        """Has rayce record what the visitor allows; tried again at the next page where it cannot now.

        Until rayce has heard a yes it knows nobody (unknown counts as no). Of a no it hears before the id is forgotten.
        """
        if visitor.settled:
            return visitor if visitor.said == visitor.told else visitor.having_told()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._rayce.put_consent(visitor.identity, **visitor.purposes)
        except (RayceClientError, TimeoutError):
            return visitor
        return visitor.having_told()

    async def happened(
        self, visitor: Visitor, kind: str, pieces: Mapping[str, int], event_id: str | None = None
    ) -> None:
        """An event of the visitor. It is in rayce's log when this returns, or waits in the background (and counts once)."""
        if visitor.person is None:
            return
        lines = [
            {"item_id": item_id, "quantity": count, "price": self._catalogue.items[item_id].price}
            for item_id, count in pieces.items()
        ]
        event = {
            "event_id": event_id or uuid4().hex,
            "type": kind,
            "user_id": visitor.person,
            "timestamp": self._now_ms(),
            "items": lines,
        }
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._rayce.post_events([event])
        except (RayceClientError, TimeoutError):
            self._rayce.track(event)
