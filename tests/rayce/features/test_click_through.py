"""Clicks over expected clicks; by hand."""

import math

import pytest

from rayce.event import Line
from rayce.features import all_features
from rayce.features.click_through import KEPT, ClickThrough, category_click_through, item_click_through
from rayce.profile import Profile
from tests.samples import T0, event, folded

SHOWN = (Line("p1", category="dairy"), Line("p2", category="dairy"), Line("p3"))
DISCOUNT = [1 / math.log2(position + 1) for position in range(1, 8)]  # 1, 0.63, 0.5, 0.43, …

PROFILE = folded(
    event("impression", lines=SHOWN),
    event("impression", lines=SHOWN[:1], at=T0 + 1, properties={"position": 7}),
    event("click", lines=SHOWN[1:2], at=T0 + 2),
)
EXPECTED = {"click_through": (1 + 1) / (1 + sum(DISCOUNT[:3]) + DISCOUNT[6])}


def test_values_are_those_computed_by_hand() -> None:
    values = all_features(PROFILE, T0)
    assert {name: values[name] for name in ClickThrough().numbers} == pytest.approx(EXPECTED)
    assert item_click_through(PROFILE, "p1") == pytest.approx(1 / (1 + DISCOUNT[0] + DISCOUNT[6]))
    assert item_click_through(PROFILE, "p2") == pytest.approx(2 / (1 + DISCOUNT[1]))
    assert category_click_through(PROFILE, "dairy") == pytest.approx(2 / (1 + sum(DISCOUNT[:2]) + DISCOUNT[6]))


def test_what_is_not_known_is_as_expected() -> None:
    assert item_click_through(PROFILE, "p9") == category_click_through(PROFILE, "toys") == 1
    assert item_click_through(Profile(), "p1") == 1


def test_a_click_far_down_counts_for_more_than_one_at_the_top() -> None:
    top, bottom = (
        folded(
            event("impression", "p1", properties={"position": position}),
            event("click", "p1", at=T0 + 1, properties={"position": position}),
        )
        for position in (1, 20)
    )
    assert item_click_through(bottom, "p1") > item_click_through(top, "p1") == 1


@pytest.mark.parametrize("position", [0, -3, 10**9, float("nan"), float("inf"), "third", ""])
def test_a_position_that_is_none_counts_as_the_first(position: object) -> None:
    strange = folded(event("impression", "p1", properties={"position": position}))
    assert item_click_through(strange, "p1") == 1 / (1 + 1)


def test_the_products_touched_last_are_kept() -> None:
    shown = [event("impression", f"p{n}", at=T0 + n) for n in range(KEPT)]
    profile = folded(*shown, event("click", "p0", at=T0 + KEPT), event("impression", "new", at=T0 + KEPT + 1))
    assert item_click_through(profile, "p0") == 1, "clicked as often as shown, and kept"
    assert item_click_through(profile, "p1") == 1 and item_click_through(profile, "p2") == 0.5, "p1 was let go"
