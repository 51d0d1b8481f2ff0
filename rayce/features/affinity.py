"""Category and brand affinities: what a person turns to, interest halved every thirty days, the top twenty of each.

Kept as log2 of the weight as of the epoch: s = t / half-life + log2(w + 2^(s - t / half-life)). One number an entry, which does
not depend on the order of events and compares without knowing what time it is (forward decay: Cormode et al., ICDE 2009).
"""

from collections.abc import Mapping
from math import exp2, log2

from rayce.decay import DAY_MS, strongest
from rayce.event import Event
from rayce.features.family import Number, Plain, Word
from rayce.profile import Profile

HALF_LIFE_MS = 30 * DAY_MS
WEIGHTS = {"view": 1.0, "click": 1.0, "rating": 1.0, "add_to_cart": 3.0, "purchase": 5.0}
TOP = 20
MAX_NAME = 64

_CATEGORY, _BRAND = 0, 1

Strengths = dict[str, float]


class Affinity(Plain):
    """The strongest category and brand, their shares of all interest, and how many there are."""

    name = "affinity"
    types = frozenset(WEIGHTS)

    def __init__(self) -> None:
        self.numbers: Mapping[str, Number] = {
            "top_category_share": _share(_CATEGORY),
            "top_brand_share": _share(_BRAND),
            "categories": _count(_CATEGORY),
            "brands": _count(_BRAND),
        }
        self.words: Mapping[str, Word] = {"top_category": _top(_CATEGORY), "top_brand": _top(_BRAND)}

    def write(self, profile: Profile, event: Event) -> None:
        """See `Family.write`. Lines say their category and brand, or the edge adds them from the catalogue."""
        state = profile.states.get(self.name) or _EMPTY
        moment, weight = event.timestamp_ms / HALF_LIFE_MS, WEIGHTS[event.type]
        categories = brands = None
        for line in event.items:
            if line.category:
                categories = dict(state[_CATEGORY]) if categories is None else categories
                _strengthen(categories, line.category[:MAX_NAME], moment, weight)
            if line.brand:
                brands = dict(state[_BRAND]) if brands is None else brands
                _strengthen(brands, line.brand[:MAX_NAME], moment, weight)
        if categories is not None or brands is not None:
            profile.states[self.name] = (
                state[_CATEGORY] if categories is None else strongest(categories, TOP, float),
                state[_BRAND] if brands is None else strongest(brands, TOP, float),
            )


def affinities(profile: Profile, brand: bool = False) -> dict[str, float]:
    """Share of interest by category (or brand), the greatest first."""
    state = profile.states.get(Affinity.name)
    strengths: Strengths = state[_BRAND if brand else _CATEGORY] if state else {}
    if not strengths:
        return {}
    most = max(strengths.values())
    weights = {name: exp2(strength - most) for name, strength in strengths.items()}
    total = sum(weights.values())
    return {name: weights[name] / total for name in sorted(weights, key=lambda name: (-weights[name], name))}


_EMPTY: tuple[Strengths, Strengths] = ({}, {})


def _strengthen(strengths: Strengths, name: str, moment: float, weight: float) -> None:
    had = strengths.get(name)
    if had is None:
        strengths[name] = moment + log2(weight)
    elif had - moment < 60:  # above, the addition is lost in rounding anyway
        strengths[name] = moment + log2(weight + exp2(had - moment))


def _share(which: int) -> Number:
    def share(profile: Profile, _now_ms: int) -> float:
        state = profile.states.get(Affinity.name)
        strengths: Strengths = state[which] if state else {}
        if not strengths:
            return 0.0
        most = max(strengths.values())
        return 1 / sum([exp2(strength - most) for strength in strengths.values()])

    return share


def _count(which: int) -> Number:
    return lambda profile, _now_ms: float(len((profile.states.get(Affinity.name) or ({}, {}))[which]))


def _top(which: int) -> Word:
    return lambda profile, _now_ms: next(iter(affinities(profile, bool(which))), "")
