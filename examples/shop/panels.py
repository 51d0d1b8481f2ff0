"""What rayce says for each part of a page, with what the shop shows where rayce says nothing. Nothing here ever raises."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from examples.shop.catalogue import Catalogue
from examples.shop.visitor import Visitor
from examples.shop.words import reason_of
from rayce.client import Item, RayceClient, RecommendedItem

Headers = Mapping[str, str]
PERSONAL, TRENDING = "personal", "trending"
BANNER = {"title": "Things that last", "text": "Sixty of them, and not one more.", "link": "/list", "tone": "plain"}
MODULES = {"order": [PERSONAL, TRENDING]}
OWN = "shop"
"""Who has made a list that rayce had nothing for."""


class Card(NamedTuple):
    """A product as it is shown, and why it is."""

    item: Item
    why: str = ""


class Panel(NamedTuple):
    """A row of products: `served` is the rung of rayce's reply, `client` or `shop` where it is not rayce's."""

    title: str
    cards: list[Card]
    served: str
    personal: bool = False
    decision_id: str = ""


class Front(NamedTuple):
    """The home page: a banner, the decision behind it, and panels in the order that rayce has decided."""

    banner: dict[str, str]
    decision_id: str
    variant: str
    panels: list[Panel]


class Panels:
    """Asks rayce. `explain` makes cards say why they are there."""

    def __init__(self, rayce: RayceClient, catalogue: Catalogue) -> None:
        self._rayce = rayce
        self._catalogue = catalogue

    async def home(self, visitor: Visitor, shopper: Headers, explain: bool = False) -> Front:
        """The front: three calls at once."""
        decided, personal, trending = await asyncio.gather(
            self._rayce.decisions(
                ["home_banner", "home_modules"],
                visitor.person,
                context={"page_type": "home"},
                shopper=shopper,
                fallback={"home_banner": BANNER, "home_modules": MODULES},
            ),
            self.personal("home", visitor, shopper, limit=8, explain=explain),
            self.trending(),
        )
        banner, modules = decided.decisions.get("home_banner"), decided.decisions.get("home_modules")
        by_name = {PERSONAL: personal, TRENDING: trending}
        return Front(
            banner_of(banner.payload if banner else None),
            (banner.decision_id or "") if banner else "",
            (banner.variant or "") if banner else "",
            [by_name[name] for name in order_of(modules.payload if modules else None)],
        )

    async def personal(
        self,
        slot: str,
        visitor: Visitor,
        shopper: Headers,
        limit: int,
        looking_at: Sequence[str] = (),
        explain: bool = False,
    ) -> Panel:
        """Recommendations for a slot; contextual for somebody who has not consented."""
        held = [*visitor.cart, *looking_at]
        spare = [item for item in self._catalogue.best_sellers() if item not in held]
        reply = await self._rayce.recommendations(
            visitor.person,
            slot=slot,
            limit=limit,
            explain=explain or None,
            session_items=held,
            exclude=held,
            context={"page_type": slot},
            shopper=shopper,
            fallback=spare,
        )
        title = "Picked for you" if reply.personal else "Worth a look"
        return self._panel(title, reply.items, spare, limit, reply.served, reply.personal, reply.decision_id)

    async def trending(self, limit: int = 4) -> Panel:
        """What many look at just now: the same for everybody."""
        spare = self._catalogue.best_sellers()[::-1]
        reply = await self._rayce.trending(limit=limit, fallback=spare)
        return self._panel("Wanted right now", reply.items, spare, limit, reply.source or reply.of)

    async def similar(self, item_id: str, limit: int = 4) -> Panel:
        """What goes with a product; of the same department where rayce does not know it."""
        spare = self._catalogue.beside(item_id)
        reply = await self._rayce.similar(item_id, limit=limit, fallback=spare)
        return self._panel("Goes well with it", reply.items, spare, limit, reply.source)

    async def listing(self, item_ids: Sequence[str], visitor: Visitor, shopper: Headers) -> Panel:
        """All of these, in the order for the visitor; what rayce leaves out (bought, in the cart) comes last."""
        if not item_ids:
            return Panel("", [], OWN)
        reply = await self._rayce.rank(
            visitor.person,
            item_ids,
            slot="listing",
            context={"page_type": "listing"},
            shopper=shopper,
            fallback=item_ids,
        )
        return self._panel("", reply.items, item_ids, len(item_ids), reply.served, reply.personal)

    def cards(self, item_ids: Sequence[str]) -> list[Card]:
        """Cards of those that the shop sells."""
        return [Card(self._catalogue.items[item_id]) for item_id in self._catalogue.known(item_ids)]

    def _panel(
        self,
        title: str,
        found: Sequence[RecommendedItem],
        spare: Sequence[str],
        limit: int,
        served: str,
        personal: bool = False,
        decision_id: str = "",
    ) -> Panel:
        """What was found, filled up with what the shop has: a panel is never half empty."""
        items = self._catalogue.items
        cards = {one.item_id: Card(items[one.item_id], self._why(one)) for one in found if one.item_id in items}
        served = served if cards else OWN
        for item_id in spare:
            cards.setdefault(item_id, Card(items[item_id]))
        return Panel(title, list(cards.values())[:limit], served, personal, decision_id)

    def _why(self, one: RecommendedItem) -> str:
        because = self._catalogue.items.get(one.because) if isinstance(one.because, str) else None
        return reason_of(one, because.title if because else "")


def banner_of(payload: Any) -> dict[str, str]:
    """A banner that can be shown, whatever the document says: texts only, and links into this shop."""
    given = payload if isinstance(payload, dict) else {}
    banner = {name: str(given.get(name, BANNER[name])) for name in BANNER}
    return (
        banner if banner["link"].startswith("/") and not banner["link"].startswith("//") else banner | {"link": "/list"}
    )


def order_of(payload: Any) -> list[str]:
    """Every module once, in the order decided."""
    given = payload.get("order") if isinstance(payload, dict) else None
    named = [name for name in given if name in MODULES["order"]] if isinstance(given, list) else []
    return list(dict.fromkeys([*named, *MODULES["order"]]))
