"""Made-up shoppers with tastes, so that a fresh rayce has something to learn from: they consent, look, choose and buy."""

from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from examples.shop.catalogue import Catalogue
from rayce.client import RayceClient

DAY_MS, MINUTE_MS = 86_400_000, 60_000
DAYS, VISITS, LOOKS, BASKET = 21, (2, 6), (3, 8), (2, 5)
FAITHFUL, CARTED, BOUGHT, AT_THE_TILL = 0.75, 0.35, 0.6, 0.4
"""How often a look is at the own departments, is put into the cart, how often a cart is bought; and how often somebody goes to
the shop round the corner instead, of which only the bill is known.
"""
AT_ONCE = 500


class Shopper(NamedTuple):
    """A made-up person and all their events, in order."""

    user_id: str
    events: list[dict[str, Any]]


def shoppers(catalogue: Catalogue, people: int, now_ms: int, chance: Random) -> Iterator[Shopper]:
    """So many of them, with visits over the last three weeks. The same `chance` gives the same crowd."""
    names = list(catalogue.departments)
    for _ in range(people):
        user_id = f"{chance.getrandbits(128):032x}"
        own = [item for name in chance.sample(names, 2) for item in catalogue.listing(name)]
        visits = sorted(now_ms - int(chance.random() * DAYS * DAY_MS) for _ in range(chance.randint(*VISITS)))
        events = [event for at_ms in visits for event in _visit(catalogue, user_id, own, at_ms, now_ms, chance)]
        yield Shopper(user_id, events)


async def send(rayce: RayceClient, crowd: Iterator[Shopper]) -> int:
    """Sends the crowd's consent and events; how many events rayce has taken. Errors are the client's."""
    taken, waiting = 0, list[dict[str, Any]]()
    for shopper in crowd:
        await rayce.put_consent(shopper.user_id, personalization=True, training=True)
        waiting += shopper.events
        if len(waiting) >= AT_ONCE:
            taken += (await rayce.post_events(waiting)).accepted
            waiting = []
    return taken + ((await rayce.post_events(waiting)).accepted if waiting else 0)


def _visit(
    catalogue: Catalogue, user_id: str, own: list[str], at_ms: int, now_ms: int, chance: Random
) -> Iterator[dict[str, Any]]:
    everything, cart = list(catalogue.items), list[str]()

    def event(kind: str, items: list[str]) -> dict[str, Any]:
        nonlocal at_ms
        at_ms = min(now_ms, at_ms + chance.randint(MINUTE_MS // 4, 2 * MINUTE_MS))
        return {
            "event_id": str(UUID(int=chance.getrandbits(128), version=4)),
            "type": kind,
            "user_id": user_id,
            "timestamp": at_ms,
            "items": [{"item_id": item, "quantity": 1, "price": catalogue.items[item].price} for item in items],
        }

    if chance.random() < AT_THE_TILL:
        yield event("purchase", chance.sample(own, chance.randint(*BASKET)))
        return
    for _ in range(chance.randint(*LOOKS)):
        item = chance.choice(own if chance.random() < FAITHFUL else everything)
        yield event("view", [item])
        if chance.random() < CARTED and item not in cart:
            cart.append(item)
            yield event("add_to_cart", [item])
    if cart and chance.random() < BOUGHT:
        yield event("purchase", cart)
