"""Purchases: recency, frequency, monetary value, and what was bought. Always on: recommendations stand on it."""

from collections.abc import Mapping
from math import log2

from rayce.decay import DAY_MS, decayed, strongest
from rayce.event import Event
from rayce.features.activity import days_since
from rayce.features.family import NEVER_DAYS, Number, Plain, Word
from rayce.profile import MAX_BOUGHT, Bought, Profile

BOUGHT_HALF_LIFE_MS = 28 * DAY_MS


class Purchases(Plain):
    """Baskets, their sum and their rhythm; and the 160 most habitual products, each with its own."""

    name = "purchases"
    types = frozenset({"purchase"})
    words: Mapping[str, Word] = {}

    def __init__(self) -> None:
        self.numbers: Mapping[str, Number] = {
            "days_since_purchase": lambda p, now: days_since(p.last_purchase_ms, now),
            "spend": lambda p, _: p.spend,
            "mean_basket_value": lambda p, _: p.spend / p.baskets if p.baskets else 0.0,
            "mean_interval_days": _mean_interval_days,
            "overdue_ratio": _overdue_ratio,
            "distinct_items_bought": lambda p, _: float(len(p.bought)),
        }

    def write(self, profile: Profile, event: Event) -> None:
        """See `Family.write`."""
        now = event.timestamp_ms
        value = sum(line.quantity * (line.price or 0.0) for line in event.items)
        profile.baskets += 1
        profile.spend = round(profile.spend + value, 2)
        profile.first_purchase_ms = min(profile.first_purchase_ms, now) if profile.first_purchase_ms else now
        profile.last_purchase_ms = max(profile.last_purchase_ms, now)
        bought = dict(profile.bought)
        for line in event.items:
            had = bought.get(line.item_id)
            if had is None:
                bought[line.item_id] = Bought(1, now, now, 1.0)
            else:
                weight = decayed(had.weight, had.last_ms, 1.0, now, BOUGHT_HALF_LIFE_MS)
                bought[line.item_id] = Bought(had.count + 1, min(had.first_ms, now), max(had.last_ms, now), weight)
        profile.bought = strongest(bought, MAX_BOUGHT, _strength)


def _strength(had: Bought) -> float:
    return log2(had.weight) + had.last_ms / BOUGHT_HALF_LIFE_MS


def _mean_interval_days(profile: Profile, _now_ms: int) -> float:
    if profile.baskets < 2:
        return NEVER_DAYS
    return (profile.last_purchase_ms - profile.first_purchase_ms) / DAY_MS / (profile.baskets - 1)


def _overdue_ratio(profile: Profile, now_ms: int) -> float:
    if profile.baskets < 2:
        return 0.0
    return days_since(profile.last_purchase_ms, now_ms) / max(_mean_interval_days(profile, now_ms), 0.01)
