"""Recency, frequency and monetary value; by hand."""

import pytest

from rayce.decay import DAY_MS
from rayce.event import Line
from rayce.features import all_features
from rayce.features.family import NEVER_DAYS
from rayce.features.purchases import BOUGHT_HALF_LIFE_MS, Purchases
from tests.samples import T0, event, folded

PROFILE = folded(
    event("purchase", lines=(Line("p1", 3, 2.0), Line("p2", 1, 4.0))),
    event("purchase", lines=(Line("p1", 1, 2.0), Line("p3")), at=T0 + 4 * DAY_MS),
    event("purchase", lines=(Line("p1", 1, 3.0),), at=T0 + 8 * DAY_MS),
)
EXPECTED = {
    "days_since_purchase": 6,
    "spend": 10 + 2 + 3,
    "mean_basket_value": 5,
    "mean_interval_days": 4,
    "overdue_ratio": 6 / 4,
    "distinct_items_bought": 3,
}


def test_values_are_those_computed_by_hand() -> None:
    values = all_features(PROFILE, T0 + 14 * DAY_MS)
    assert {name: values[name] for name in Purchases().numbers} == pytest.approx(EXPECTED)


def test_one_basket_has_no_interval() -> None:
    values = all_features(folded(event("purchase", "p1")), T0 + DAY_MS)
    assert (values["mean_interval_days"], values["overdue_ratio"]) == (NEVER_DAYS, 0)


def test_two_baskets_at_once_are_not_overdue_for_ever() -> None:
    profile = folded(event("purchase", "p1"), event("purchase", "p2", event_id="other"))
    assert all_features(profile, T0 + DAY_MS)["overdue_ratio"] == pytest.approx(100)


def test_a_product_keeps_its_own_rhythm() -> None:
    bought = PROFILE.bought["p1"]
    assert (bought.count, bought.first_ms, bought.last_ms) == (3, T0, T0 + 8 * DAY_MS)
    decays = [2 ** (-days * DAY_MS / BOUGHT_HALF_LIFE_MS) for days in (0, 4, 8)]
    assert bought.weight == pytest.approx(sum(decays))
