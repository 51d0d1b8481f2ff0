"""Features of a person: named values computed from the profile as of a moment; the same for rules, models and replies."""

from rayce.features.family import NEVER_DAYS
from rayce.features.feature_set import ALL
from rayce.features.row import feature_row
from rayce.profile import Profile

__all__ = ["CATEGORIES", "FEATURES", "NEVER_DAYS", "all_features", "feature_row"]

FEATURES = ALL.numbers
"""Every numeric feature by name. Plain counts are of all time; values in the shop's currency."""
CATEGORIES = ALL.words
"""Every categorical feature by name; empty text where nothing is known."""


def all_features(profile: Profile, now_ms: int) -> dict[str, float]:
    """Every numeric feature by name, as of `now_ms`."""
    return dict(zip(FEATURES, feature_row(profile, now_ms, tuple(FEATURES)), strict=True))
