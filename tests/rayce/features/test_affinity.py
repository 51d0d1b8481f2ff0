"""Category and brand affinities; by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.decay import DAY_MS
from rayce.event import Line
from rayce.features import CATEGORIES, all_features
from rayce.features.affinity import HALF_LIFE_MS, MAX_NAME, TOP, Affinity, affinities
from rayce.profile import Profile
from tests.samples import T0, event, folded


def line(category: str = "", brand: str = "") -> Line:
    return Line("p1", category=category, brand=brand)


PROFILE = folded(
    event("purchase", lines=(line("dairy", "meadow"),), at=T0 - HALF_LIFE_MS),  # 5, halved
    event("view", lines=(line("dairy", "acme"), line("bakery")), at=T0),  # 1 each
    event("add_to_cart", lines=(line("wine"),), at=T0 - 2 * HALF_LIFE_MS),  # late: 3, quartered
    event("impression", lines=(line("toys", "acme"),), at=T0),  # no interest
)
WEIGHTS = {"dairy": 2.5 + 1, "bakery": 1, "wine": 0.75}
EXPECTED = {
    "top_category_share": 3.5 / sum(WEIGHTS.values()),
    "top_brand_share": 2.5 / 3.5,
    "categories": 3,
    "brands": 2,
}


def test_values_are_those_computed_by_hand() -> None:
    values = all_features(PROFILE, T0 + 100 * DAY_MS)
    assert {name: values[name] for name in Affinity().numbers} == pytest.approx(EXPECTED)
    words = {name: read(PROFILE, T0) for name, read in Affinity().words.items()}
    assert words == {"top_category": "dairy", "top_brand": "meadow"}
    assert CATEGORIES.keys() >= words.keys()


def test_shares_are_given_the_greatest_first() -> None:
    total = sum(WEIGHTS.values())
    assert affinities(PROFILE) == pytest.approx({name: weight / total for name, weight in WEIGHTS.items()})
    assert list(affinities(PROFILE)) == ["dairy", "bakery", "wine"]
    assert list(affinities(PROFILE, brand=True)) == ["meadow", "acme"]
    assert affinities(Profile()) == {}


@given(st.permutations([("dairy", 0), ("dairy", 5), ("wine", 9), ("toys", 40), ("wine", 4000)]))
def test_the_order_of_events_does_not_matter(acts: list[tuple[str, int]]) -> None:
    def shares(some: list[tuple[str, int]]) -> dict[str, float]:
        return affinities(folded(*(event(lines=(line(name),), at=T0 + day * DAY_MS) for name, day in some)))

    assert shares(acts) == pytest.approx(shares(sorted(acts)))


def test_the_strongest_twenty_are_kept() -> None:
    loved = [event("purchase", lines=(line("loved"),), at=T0 + n) for n in range(5)]
    others = [event("view", lines=(line(f"c{n}"),), at=T0 + 10 + n) for n in range(3 * TOP)]
    kept = affinities(folded(*loved, *others))
    assert len(kept) <= TOP and next(iter(kept)) == "loved" and f"c{3 * TOP - 1}" in kept and "c0" not in kept


def test_a_tie_goes_by_name_and_long_names_are_cut() -> None:
    profile = folded(event(lines=(line("b"), line("a"), line("x" * 200))))
    assert list(affinities(profile)) == ["a", "b", "x" * MAX_NAME]
