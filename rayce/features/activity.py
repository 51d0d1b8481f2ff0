"""Activity: how much, since when, how lately. Always on."""

from collections.abc import Mapping
from math import exp2

from rayce.decay import DAY_MS, decayed
from rayce.event import BEHAVIOUR, Event
from rayce.features.family import NEVER_DAYS, Number, Plain, Word
from rayce.profile import Profile

INTEREST_HALF_LIFE_MS = DAY_MS
TOUCHING = {"view": 1.0, "click": 1.0, "add_to_cart": 3.0, "rating": 1.0}
"""Event types that say a person is interested in a product, with their weight."""


class Activity(Plain):
    """Counts of all time, first and last moment, and interest: views, clicks and cart additions, halved every day."""

    name = "activity"
    types = frozenset(BEHAVIOUR)
    words: Mapping[str, Word] = {}

    def __init__(self) -> None:
        self.numbers: Mapping[str, Number] = {
            "events": lambda p, _: float(p.events),
            "views": _count("view"),
            "add_to_carts": _count("add_to_cart"),
            "purchases": lambda p, _: float(p.baskets),
            "searches": _count("search"),
            "days_since_first_event": lambda p, now: days_since(p.first_ms, now),
            "days_since_last_event": lambda p, now: days_since(p.last_ms, now),
            "interest": lambda p, now: p.interest * exp2(min(0, p.last_ms - now) / INTEREST_HALF_LIFE_MS),
        }

    def write(self, profile: Profile, event: Event) -> None:
        """See `Family.write`."""
        kind, now = event.type, event.timestamp_ms
        profile.interest = decayed(
            profile.interest, profile.last_ms, TOUCHING.get(kind, 0.0), now, INTEREST_HALF_LIFE_MS
        )
        profile.first_ms = min(profile.first_ms, now) if profile.events else now
        profile.last_ms = max(profile.last_ms, now)
        profile.events += 1
        counts = dict(profile.counts)
        counts[kind] = counts.get(kind, 0) + 1
        profile.counts = counts


def days_since(moment_ms: int, now_ms: int) -> float:
    """Days from a moment to now; `NEVER_DAYS` where there was none."""
    return max(0.0, (now_ms - moment_ms) / DAY_MS) if moment_ms else NEVER_DAYS


def _count(kind: str) -> Number:
    return lambda profile, _now_ms: float(profile.counts.get(kind, 0))
