"""The shopper view's doings: look at a household, act for it, and say what changed and how soon it could be seen.

A visit runs in real time from the moment it was opened on the shop's clock, however fast the player goes: minutes of a visit
are minutes.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from secrets import token_hex
from time import monotonic, perf_counter

from msgspec import Struct

from examples.demo.dataset import Line, ShopEvent
from examples.demo.event_ids import event_id
from examples.demo.sending import patiently
from examples.demo.shop import Shop
from examples.demo.visibility import until_visible
from rayce.client import Profile, RayceClient, Recommendations

ACTIONS = {
    "view": "Viewed",
    "add_to_cart": "Put in the cart",
    "remove_from_cart": "Taken out of the cart",
    "purchase": "Bought",
}
SHOWN = 10
MOST_VISITS = 500
VISIT_PAUSE_S = 15 * 60


class Look(Struct, frozen=True):
    """What rayce knows and says of a household at one moment. Without consent there is no profile and no segment."""

    user_id: str
    at_ms: int
    consents: bool
    profile: Profile | None
    segments: list[str]
    list: Recommendations


class Change(Struct, frozen=True):
    """What differs between two looks. `moved`: places up by item (None: new in the list); `gone`: items of before."""

    entered: list[str] = []
    left: list[str] = []
    moved: dict[str, int | None] = {}
    gone: list[str] = []

    @property
    def moves(self) -> int:
        """How many products stand elsewhere than before, or are new."""
        return sum(1 for places in self.moved.values() if places != 0)


class Outcome(Struct, frozen=True):
    """An act and its effect. Milliseconds from the click's POST until the log had it, and until the profile showed it."""

    what: str
    look: Look
    change: Change
    accepted_ms: float | None = None
    visible_ms: float | None = None
    kept: bool = True


class Visit:
    """One visit of a household: its session, and its own clock."""

    def __init__(self, at_ms: int) -> None:
        self.session_id = f"visit-{token_hex(8)}"
        self._at_ms, self._since = at_ms, monotonic()
        self.used = monotonic()

    def now_ms(self) -> int:
        """The moment of the visit; never moves back."""
        return self._at_ms + int((monotonic() - self._since) * 1000)

    def not_before(self, at_ms: int) -> None:
        """Moves the visit behind what the household did meanwhile."""
        if at_ms > self.now_ms():
            self._at_ms, self._since = at_ms, monotonic()


def compare(before: Look, after: Look) -> Change:
    """What changed between two looks at one household."""
    places = {item.item_id: place for place, item in enumerate(before.list.items)}
    now = [item.item_id for item in after.list.items]
    return Change(
        entered=[name for name in after.segments if name not in before.segments],
        left=[name for name in before.segments if name not in after.segments],
        moved={item: places[item] - place if item in places else None for place, item in enumerate(now)},
        gone=[item for item in places if item not in now],
    )


class Shopper:
    """Acts for households in the shop's name. `on_change` is called when the shop's books have changed."""

    def __init__(
        self, rayce: RayceClient, shop: Shop, forget: Callable[[str], None], on_change: Callable[[], None]
    ) -> None:
        self._rayce, self._shop, self._forget, self._on_change = rayce, shop, forget, on_change
        self._visits: OrderedDict[str, Visit] = OrderedDict()

    async def look(self, user_id: str) -> Look:
        """The household now. Not reaching rayce raises `RayceClientError`."""
        at_ms = self._visit(user_id).now_ms()
        profile, flags, listed, consent = await asyncio.gather(
            self._rayce.profile(user_id, at_ms=at_ms),
            self._rayce.segments(user_id, at_ms=at_ms),
            self._rayce.recommendations(user_id, limit=SHOWN, explain=True, at_ms=at_ms),
            self._rayce.get_consent(user_id),
        )
        consents = consent is not None and consent.personalization
        return Look(user_id, at_ms, consents, profile, flags.segments if flags else [], listed)

    async def act(self, user_id: str, action: str, item_ids: Sequence[str]) -> Outcome:
        """Sends one event of the household with these products, waits until it can be seen, and compares."""
        shop = self._shop
        async with shop.turns[user_id]:
            before = await self.look(user_id)
            visit, at_ms = self._visit(user_id), self._visit(user_id).now_ms()
            quantities = before.profile.cart if before.profile and action in ("purchase", "remove_from_cart") else {}
            lines = [Line(item, quantities.get(item, 1), shop.items[item].price or 0.0) for item in item_ids]
            event = ShopEvent(event_id(token_hex(16), at_ms), action, user_id, at_ms, visit.session_id, lines)
            started = perf_counter()
            reply = await patiently(partial(self._rayce.post_events, [event]), patience_s=5)
            accepted_ms = (perf_counter() - started) * 1000
            shop.book([event], reply)
            visible_ms = None
            if reply.accepted:
                seen = await until_visible(self._rayce, user_id, shop.ledger.count(user_id), at_ms=at_ms)
                visible_ms = (perf_counter() - started) * 1000 if seen.visible else None
            after = await self.look(user_id)
        self._on_change()
        what = f"{ACTIONS[action]}: {self._names(item_ids)}"
        return Outcome(what, after, compare(before, after), accepted_ms, visible_ms, bool(reply.accepted))

    async def set_consent(self, user_id: str, *, allowed: bool) -> Outcome:
        """Gives or withdraws the household's consent. A withdrawal forgets; what comes later counts from nothing."""
        shop = self._shop
        async with shop.turns[user_id]:
            before = await self.look(user_id)
            started = perf_counter()
            await self._rayce.put_consent(user_id, personalization=allowed, training=allowed)
            took_ms = (perf_counter() - started) * 1000
            if allowed:
                shop.consenting.add(user_id)
            else:
                shop.consenting.discard(user_id)
                shop.ledger.forget(user_id)
                self._forget(user_id)
            after = await self.look(user_id)
        self._on_change()
        what = (
            "Consent given: from now on events count"
            if allowed
            else "Consent withdrawn: the list knows nobody any more"
        )
        return Outcome(what, after, compare(before, after), accepted_ms=took_ms)

    def _visit(self, user_id: str) -> Visit:
        visit = self._visits.get(user_id)
        if visit is None or monotonic() - visit.used > VISIT_PAUSE_S:
            visit = self._visits[user_id] = Visit(self._shop.clock.now_ms())
        self._visits.move_to_end(user_id)
        while len(self._visits) > MOST_VISITS:
            self._visits.popitem(last=False)
        visit.used = monotonic()
        visit.not_before(self._shop.last_ms.get(user_id, 0) + 1)
        return visit

    def _names(self, item_ids: Sequence[str]) -> str:
        return self._shop.items[item_ids[0]].title if len(item_ids) == 1 else f"{len(item_ids)} products"
