"""Activity: counts, first and last moment, interest; by hand."""

import pytest

from rayce.decay import DAY_MS
from rayce.features import all_features
from rayce.features.activity import INTEREST_HALF_LIFE_MS, Activity
from rayce.features.family import NEVER_DAYS
from tests.samples import T0, event, folded

PROFILE = folded(
    event("purchase", "p1", "p2"),
    event("purchase", "p1", at=T0 + 4 * DAY_MS),
    event("search", at=T0 + 6 * DAY_MS),
    event("view", "p3", at=T0 + 6 * DAY_MS + 10_000),
    event("add_to_cart", "p3", "p4", at=T0 + 6 * DAY_MS + 30_000),
)
EXPECTED = {
    "events": 5,
    "views": 1,
    "add_to_carts": 1,
    "purchases": 2,
    "searches": 1,
    "days_since_first_event": 7 + 30 / 86_400,
    "days_since_last_event": 1,
    "interest": (1 * 2 ** (-20 / 86_400) + 3) / 2,
}


def test_values_are_those_computed_by_hand() -> None:
    values = all_features(PROFILE, T0 + 7 * DAY_MS + 30_000)
    assert {name: values[name] for name in Activity().numbers} == pytest.approx(EXPECTED)


def test_interest_halves_every_day_and_a_late_event_weighs_what_it_would_have_weighed() -> None:
    view, late = event("view", "p1"), event("view", "p2", at=T0 - INTEREST_HALF_LIFE_MS)
    for profile in (folded(view, late), folded(late, view)):
        assert all_features(profile, T0)["interest"] == pytest.approx(1.5)
        assert all_features(profile, T0 + 2 * INTEREST_HALF_LIFE_MS)["interest"] == pytest.approx(0.375)


def test_impressions_and_searches_are_no_interest() -> None:
    assert folded(event("impression", "p1"), event("search", at=T0 + 1)).interest == 0


def test_a_moment_before_the_last_event_reads_as_of_that_event() -> None:
    values = all_features(PROFILE, T0 - DAY_MS)
    assert (values["days_since_last_event"], values["days_since_first_event"]) == (0, 0)
    assert values["interest"] == PROFILE.interest
    assert all_features(folded(), T0)["days_since_last_event"] == NEVER_DAYS
