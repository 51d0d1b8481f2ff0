"""Price sensitivity: what a person pays against what they look at, and how often with a coupon."""

from collections.abc import Mapping

from rayce.event import Event
from rayce.features.family import Number, Plain, Word
from rayce.profile import Profile

LEAST = -9.0
"""Pays ten times the prices looked at, or more."""

_EMPTY = (0.0, 0, 0.0, 0, 0, 0)


class PriceSensitivity(Plain):
    """State: sum and number of prices seen, sum and number of prices paid, purchases with a coupon, purchases."""

    name = "price"
    types = frozenset({"view", "click", "purchase"})
    words: Mapping[str, Word] = {}

    def __init__(self) -> None:
        self.numbers: Mapping[str, Number] = {
            "mean_price_seen": lambda p, _: _mean(*_state(p)[0:2]),
            "mean_price_paid": lambda p, _: _mean(*_state(p)[2:4]),
            "price_sensitivity": _sensitivity,
            "coupon_share": lambda p, _: _mean(*_state(p)[4:6]),
        }

    def write(self, profile: Profile, event: Event) -> None:
        """See `Family.write`."""
        seen, seen_count, paid, paid_count, coupons, purchases = _state(profile)
        if event.type == "purchase":
            purchases += 1
            coupons += bool(event.properties.get("coupon"))
            for line in event.items:
                if line.price is not None:
                    paid, paid_count = paid + line.price * line.quantity, paid_count + line.quantity
        else:
            for line in event.items:
                if line.price is not None:
                    seen, seen_count = seen + line.price, seen_count + 1
        profile.states[self.name] = [seen, seen_count, paid, paid_count, coupons, purchases]


def _state(profile: Profile) -> tuple[float, int, float, int, int, int]:
    return tuple(profile.states.get(PriceSensitivity.name) or _EMPTY)


def _mean(total: float, count: int) -> float:
    return total / count if count else 0.0


def _sensitivity(profile: Profile, _now_ms: int) -> float:
    """1 - paid / seen: 0.3 pays 30 % less than the prices looked at; below 0 pays more; 0 where either is not known.

    At least `LEAST`: prices looked at may be next to nothing.
    """
    seen, seen_count, paid, paid_count, _coupons, _purchases = _state(profile)
    if not (seen and seen_count and paid_count):
        return 0.0
    return max(LEAST, 1 - paid * seen_count / (paid_count * seen))
