"""Features: each by hand from one small history, the same for rules, models and replies."""

import pytest

from rayce.features import FEATURES, NEVER_DAYS, all_features, feature_row
from rayce.fold import DAY_MS
from rayce.profile import Profile
from tests.samples import T0, event, folded

PROFILE = folded(
    event("purchase", "p1", "p2"),
    event("purchase", "p1", at=T0 + 4 * DAY_MS),
    event("search", at=T0 + 6 * DAY_MS),
    event("view", "p3", at=T0 + 6 * DAY_MS + 10_000),
    event("add_to_cart", "p3", "p4", at=T0 + 6 * DAY_MS + 30_000),
)
NOW_MS = T0 + 7 * DAY_MS + 30_000

EXPECTED = {
    "events": 5,
    "views": 1,
    "add_to_carts": 1,
    "purchases": 2,
    "searches": 1,
    "days_since_first_event": 7 + 30 / 86_400,
    "days_since_last_event": 1,
    "days_since_purchase": 3 + 30 / 86_400,
    "spend": 7.5,
    "mean_basket_value": 3.75,
    "mean_interval_days": 4,
    "overdue_ratio": (3 + 30 / 86_400) / 4,
    "distinct_items_bought": 2,
    "interest": 2.0,
    "session_depth": 3,
    "session_duration_s": 30,
    "session_items": 2,
    "cart_items": 2,
    "cart_value": 5,
}


def test_there_is_an_expectation_for_every_feature() -> None:
    assert set(EXPECTED) == set(FEATURES)


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_is_what_its_name_says(name: str) -> None:
    assert FEATURES[name](PROFILE, NOW_MS) == pytest.approx(EXPECTED[name], rel=1e-3)


def test_of_who_has_done_nothing_everything_is_nothing_or_never() -> None:
    assert set(all_features(Profile(), NOW_MS).values()) == {0.0, NEVER_DAYS}


def test_a_row_has_the_named_features_in_order() -> None:
    assert feature_row(PROFILE, NOW_MS, ("spend", "events", "spend")) == [7.5, 5.0, 7.5]
    with pytest.raises(KeyError):
        feature_row(PROFILE, NOW_MS, ("hat_size",))


def test_a_moment_before_the_last_event_is_no_negative_age() -> None:
    assert min(all_features(PROFILE, T0 - DAY_MS).values()) >= 0
