"""The fold: profile × event → profile. Pure, event time only; replaying the log gives the same bytes.

Late events count by their own time and never reopen a session. An event whose id is among the last `MAX_RECENT_IDS` of the
person counts once. A withdrawal or an erasure forgets everything but itself.
"""

from collections.abc import Callable
from hashlib import blake2b
from math import exp2, log2
from typing import TypeVar

from msgspec.structs import replace

from rayce.consent import PERSONALIZATION
from rayce.event import CONSENT_CHANGED, CONTROL, ERASED, Event, Line
from rayce.profile import (
    MAX_BOUGHT,
    MAX_CART_ITEMS,
    MAX_RECENT_IDS,
    MAX_SESSION_ITEMS,
    MAX_TOUCHED,
    Bought,
    Profile,
    Session,
)

DAY_MS = 86_400_000
SESSION_GAP_MS = 30 * 60_000
BOUGHT_HALF_LIFE_MS = 28 * DAY_MS
TOUCHED_HALF_LIFE_MS = 3 * DAY_MS
INTEREST_HALF_LIFE_MS = DAY_MS

TOUCHING = {"view": 1.0, "click": 1.0, "add_to_cart": 3.0, "rating": 1.0}
"""Event types that say a person is interested in a product, with their weight."""

_ID_BYTES = 8

V = TypeVar("V")


def fold(profile: Profile, event: Event) -> Profile:
    """The profile after the event; the same object where the event changes nothing (repeated, or not permitted)."""
    if event.type in CONTROL:
        return _control(profile, event)
    digest = blake2b(event.event_id.encode(), digest_size=_ID_BYTES).digest()
    if not _permitted(profile, event) or _seen(profile.recent_ids, digest):
        return profile
    now = event.timestamp_ms
    first = profile.events == 0
    counts = dict(profile.counts)
    counts[event.type] = counts.get(event.type, 0) + 1
    weight = TOUCHING.get(event.type, 0.0)
    purchase = event.type == "purchase"
    return Profile(
        tenant=event.tenant,
        purposes=profile.purposes or event.consent,
        events=profile.events + 1,
        first_ms=now if first else min(profile.first_ms, now),
        last_ms=max(profile.last_ms, now),
        counts=counts,
        baskets=profile.baskets + purchase,
        spend=round(profile.spend + _value(event.items), 2) if purchase else profile.spend,
        first_purchase_ms=_earliest(profile.first_purchase_ms, now) if purchase else profile.first_purchase_ms,
        last_purchase_ms=max(profile.last_purchase_ms, now) if purchase else profile.last_purchase_ms,
        interest=_decayed(profile.interest, profile.last_ms, weight, now, INTEREST_HALF_LIFE_MS),
        session=_session(profile.session, event),
        cart=_cart(profile.cart, event),
        bought=_bought(profile.bought, event) if purchase else profile.bought,
        touched=_touched(profile.touched, event, weight) if weight else profile.touched,
        flags=profile.flags,
        short_lived=profile.short_lived,
        scores=profile.scores,
        recent_ids=(profile.recent_ids + digest)[-_ID_BYTES * MAX_RECENT_IDS :],
    )


def _control(profile: Profile, event: Event) -> Profile:
    if event.type == ERASED:
        return Profile(tenant=event.tenant)
    if event.type != CONSENT_CHANGED:
        return profile
    if event.consent & PERSONALIZATION:
        return replace(profile, tenant=event.tenant, purposes=event.consent)
    return Profile(tenant=event.tenant)


def _permitted(profile: Profile, event: Event) -> bool:
    """Both the moment of acceptance and what the log has told since must allow it."""
    known = profile.purposes or (event.consent if profile.tenant == "" else 0)
    return bool(event.consent & known & PERSONALIZATION)


def _seen(recent: bytes, digest: bytes) -> bool:
    at = recent.find(digest)
    while at > 0 and at % _ID_BYTES:
        at = recent.find(digest, at + 1)
    return at >= 0


def _value(items: tuple[Line, ...]) -> float:
    return sum(line.quantity * (line.price or 0.0) for line in items)


def _earliest(known: int, now: int) -> int:
    return min(known, now) if known else now


def _decayed(value: float, at: int, added: float, now: int, half_life: int) -> float:
    """`value` as of `at`, plus `added` as of `now`, both as of the later of the two."""
    if now >= at:
        return value * exp2((at - now) / half_life) + added
    return value + added * exp2((now - at) / half_life)


def _session(session: Session, event: Event) -> Session:
    now = event.timestamp_ms
    other = event.session != session.key if event.session else now - session.last_ms > SESSION_GAP_MS
    if other:
        if now < session.last_ms:
            return session
        session = Session(event.session, now, now)
    ids = [line.item_id for line in event.items] if event.type != "impression" else []
    kept = [item for item in session.items if item not in ids] + ids if ids else session.items
    return Session(
        session.key,
        min(session.start_ms, now),
        max(session.last_ms, now),
        session.depth + 1,
        tuple(kept[-MAX_SESSION_ITEMS:]),
    )


def _cart(cart: dict[str, tuple[int, float]], event: Event) -> dict[str, tuple[int, float]]:
    if event.type not in ("add_to_cart", "remove_from_cart", "purchase") or not (cart or event.type == "add_to_cart"):
        return cart
    cart = dict(cart)
    for line in event.items:
        quantity, price = cart.pop(line.item_id, (0, 0.0))
        if event.type == "add_to_cart":
            cart[line.item_id] = (quantity + line.quantity, line.price if line.price is not None else price)
        elif event.type == "remove_from_cart" and quantity > line.quantity:
            cart[line.item_id] = (quantity - line.quantity, price)
    while len(cart) > MAX_CART_ITEMS:
        del cart[next(iter(cart))]
    return cart


def _bought(bought: dict[str, Bought], event: Event) -> dict[str, Bought]:
    now = event.timestamp_ms
    bought = dict(bought)
    for line in event.items:
        had = bought.get(line.item_id)
        if had is None:
            bought[line.item_id] = Bought(1, now, now, 1.0)
        else:
            weight = _decayed(had.weight, had.last_ms, 1.0, now, BOUGHT_HALF_LIFE_MS)
            bought[line.item_id] = Bought(had.count + 1, min(had.first_ms, now), max(had.last_ms, now), weight)
    return _strongest(bought, MAX_BOUGHT, lambda b: log2(b.weight) + b.last_ms / BOUGHT_HALF_LIFE_MS)


def _touched(touched: dict[str, tuple[int, float]], event: Event, weight: float) -> dict[str, tuple[int, float]]:
    now = event.timestamp_ms
    touched = dict(touched)
    for line in event.items:
        at, had = touched.get(line.item_id, (now, 0.0))
        touched[line.item_id] = (max(at, now), _decayed(had, at, weight, now, TOUCHED_HALF_LIFE_MS))
    return _strongest(touched, MAX_TOUCHED, lambda t: log2(t[1]) + t[0] / TOUCHED_HALF_LIFE_MS)


def _strongest(entries: dict[str, V], limit: int, strength: Callable[[V], float]) -> dict[str, V]:
    """At most `limit` entries, those with the greatest strength at any common moment; a tie goes by name.

    When it overflows an eighth is let go at once: the sorting is then paid for once in many events, not in each.
    """
    if len(entries) <= limit:
        return entries
    kept = limit - limit // 8
    weakest = sorted(entries, key=lambda name: (strength(entries[name]), name))[: len(entries) - kept]
    for name in weakest:
        del entries[name]
    return entries
