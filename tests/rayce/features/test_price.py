"""Price sensitivity; by hand."""

import pytest

from rayce.event import Line
from rayce.features import all_features
from rayce.features.price import LEAST, PriceSensitivity
from tests.samples import T0, event, folded

PROFILE = folded(
    event("view", lines=(Line("p1", 3, 10.0), Line("p2", 1, 6.0), Line("p3"))),
    event("click", lines=(Line("p1", 1, 8.0),), at=T0 + 1),
    event(
        "purchase", lines=(Line("p4", 3, 5.0), Line("p5", 1, 9.0), Line("p6")), at=T0 + 2, properties={"coupon": "X"}
    ),
    event("purchase", at=T0 + 3, properties={"coupon": ""}),
)
EXPECTED = {
    "mean_price_seen": (10 + 6 + 8) / 3,
    "mean_price_paid": (3 * 5 + 9) / 4,
    "price_sensitivity": 1 - 6 / 8,
    "coupon_share": 1 / 2,
}


def test_values_are_those_computed_by_hand() -> None:
    """A product that was looked at counts once, whatever quantity; what was paid counts by the piece."""
    values = all_features(PROFILE, T0)
    assert {name: values[name] for name in PriceSensitivity().numbers} == pytest.approx(EXPECTED)


def test_where_one_side_is_not_known_there_is_no_sensitivity() -> None:
    seen = folded(event("view", lines=(Line("p1", 1, 5.0),)))
    paid = folded(event("purchase", lines=(Line("p1", 1, 5.0),)))
    for profile in (seen, paid):
        assert all_features(profile, T0)["price_sensitivity"] == 0


def test_paying_more_is_negative_and_bounded() -> None:
    def after(seen: float, paid: float) -> float:
        acts = event("view", lines=(Line("p", 1, seen),)), event("purchase", lines=(Line("p", 1, paid),), at=T0 + 1)
        return all_features(folded(*acts), T0)["price_sensitivity"]

    assert after(4.0, 6.0) == pytest.approx(-0.5)
    assert after(5e-324, 1e9) == LEAST
    assert after(4.0, 0.0) == 1
