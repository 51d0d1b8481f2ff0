"""Features of a person: named numbers computed from the profile as of a moment; the same for rules, models and replies."""

from collections.abc import Callable, Sequence

from rayce.fold import DAY_MS, INTEREST_HALF_LIFE_MS
from rayce.profile import Profile

NEVER_DAYS = 3_650.0
"""Stands for "never happened" where a feature counts days since."""

Feature = Callable[[Profile, int], float]


def _count(kind: str) -> Feature:
    return lambda profile, _now_ms: float(profile.counts.get(kind, 0))


def _days_since(moment_ms: int, now_ms: int) -> float:
    return max(0.0, (now_ms - moment_ms) / DAY_MS) if moment_ms else NEVER_DAYS


def _mean_interval_days(profile: Profile, _now_ms: int) -> float:
    if profile.baskets < 2:
        return NEVER_DAYS
    return (profile.last_purchase_ms - profile.first_purchase_ms) / DAY_MS / (profile.baskets - 1)


def _overdue_ratio(profile: Profile, now_ms: int) -> float:
    if profile.baskets < 2:
        return 0.0
    return _days_since(profile.last_purchase_ms, now_ms) / max(_mean_interval_days(profile, now_ms), 0.01)


FEATURES: dict[str, Feature] = {
    "events": lambda p, _: float(p.events),
    "views": _count("view"),
    "add_to_carts": _count("add_to_cart"),
    "purchases": lambda p, _: float(p.baskets),
    "searches": _count("search"),
    "days_since_first_event": lambda p, now: _days_since(p.first_ms, now),
    "days_since_last_event": lambda p, now: _days_since(p.last_ms, now),
    "days_since_purchase": lambda p, now: _days_since(p.last_purchase_ms, now),
    "spend": lambda p, _: p.spend,
    "mean_basket_value": lambda p, _: p.spend / p.baskets if p.baskets else 0.0,
    "mean_interval_days": _mean_interval_days,
    "overdue_ratio": _overdue_ratio,
    "distinct_items_bought": lambda p, _: float(len(p.bought)),
    "interest": lambda p, now: p.interest * 2.0 ** (min(0, p.last_ms - now) / INTEREST_HALF_LIFE_MS),
    "session_depth": lambda p, _: float(p.session.depth),
    "session_duration_s": lambda p, _: (p.session.last_ms - p.session.start_ms) / 1000,
    "session_items": lambda p, _: float(len(p.session.items)),
    "cart_items": lambda p, _: float(sum(quantity for quantity, _price in p.cart.values())),
    "cart_value": lambda p, _: sum(quantity * price for quantity, price in p.cart.values()),
}
"""Every feature by name. Counts are of all time; values in the shop's currency."""


def feature_row(profile: Profile, now_ms: int, names: Sequence[str]) -> list[float]:
    """The named features in order, as of `now_ms`; `KeyError` for an unknown name (catalogues are checked at load)."""
    return [FEATURES[name](profile, now_ms) for name in names]


def all_features(profile: Profile, now_ms: int) -> dict[str, float]:
    """Every feature by name, as of `now_ms`."""
    return {name: feature(profile, now_ms) for name, feature in FEATURES.items()}
