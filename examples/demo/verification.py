"""The proof at the end: every household's profile shows exactly as many events as rayce accepted of it."""

from collections.abc import Callable, Iterator

from examples.demo.ledger import Discrepancy
from examples.demo.loading import together
from examples.demo.shop import Shop
from rayce.client import RayceClient

AT_ONCE = 16


async def verify(rayce: RayceClient, shop: Shop, on_progress: Callable[[int, int], None]) -> Discrepancy:
    """Asks for every profile. Households without consent are asked for too: nothing may be there of them."""
    users = sorted(shop.households)
    found: dict[str, int] = {}
    now_ms = shop.clock.now_ms()

    async def look(shared: Iterator[str]) -> None:
        for user_id in shared:
            profile = await rayce.profile(user_id, at_ms=now_ms)
            found[user_id] = profile.events if profile is not None else 0
            on_progress(len(found), len(users))

    shared = iter(users)
    await together(look(shared) for _ in range(AT_ONCE))
    return shop.ledger.compare(found)
