"""Features of a person: named values computed from the profile as of a moment; the same for rules, models and replies."""

from collections.abc import Sequence

from rayce.features.family import NEVER_DAYS
from rayce.features.feature_set import ALL
from rayce.profile import Profile

__all__ = ["CATEGORIES", "FEATURES", "NEVER_DAYS", "all_features", "feature_row"]

FEATURES = ALL.numbers
"""Every numeric feature by name. Plain counts are of all time; values in the shop's currency."""
CATEGORIES = ALL.words
"""Every categorical feature by name; empty text where nothing is known."""


def feature_row(profile: Profile, now_ms: int, names: Sequence[str]) -> list[float]:
    """The named features in order, as of `now_ms`; `KeyError` for an unknown name (catalogues are checked at load)."""
    return [FEATURES[name](profile, now_ms) for name in names]


def all_features(profile: Profile, now_ms: int) -> dict[str, float]:
    """Every numeric feature by name, as of `now_ms`."""
    return {name: feature(profile, now_ms) for name, feature in FEATURES.items()}
