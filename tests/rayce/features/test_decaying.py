"""Decaying counters; by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.decay import DAY_MS, HOUR_MS
from rayce.event import Line
from rayce.features import all_features
from rayce.features.decaying import HALF_LIVES, METRICS, Decaying
from tests.samples import T0, event, folded

PROFILE = folded(
    event("view"),
    event("add_to_cart", at=T0 + 1),
    event("view", at=T0 + DAY_MS),
    event("purchase", lines=(Line("p1", 2, 4.0),), at=T0 + DAY_MS),
)
NOW_MS = T0 + 7 * DAY_MS


def weight(days: float, half_life_days: float) -> float:
    return 2.0 ** (-days / half_life_days)


EXPECTED = {
    f"{metric}_decayed_{name}": value
    for name, half in (("1h", 1 / 24), ("1d", 1.0), ("7d", 7.0), ("30d", 30.0))
    for metric, value in (
        ("views", weight(7, half) + weight(6, half)),
        ("add_to_carts", weight(7, half)),
        ("purchases", weight(6, half)),
        ("spend", 8 * weight(6, half)),
    )
}


def test_values_are_those_computed_by_hand() -> None:
    values = all_features(PROFILE, NOW_MS)
    assert {name: values[name] for name in Decaying().numbers} == pytest.approx(EXPECTED, rel=1e-5)


@pytest.mark.parametrize("name, half_ms", HALF_LIVES.items())
def test_a_value_is_halved_after_its_half_life(name: str, half_ms: int) -> None:
    read = Decaying().numbers[f"views_decayed_{name}"]
    profile = folded(event("view"))
    assert [read(profile, T0 + n * half_ms) for n in range(3)] == pytest.approx([1, 0.5, 0.25])
    assert read(profile, T0 - HOUR_MS) == 1, "before its own moment as of it"


@given(st.permutations([0, 1, HOUR_MS, DAY_MS, 40 * DAY_MS, 400 * DAY_MS]))
def test_the_order_of_events_does_not_matter(after_ms: list[int]) -> None:
    def values(moments: list[int]) -> dict[str, float]:
        profile = folded(*(event("view", at=T0 + moment) for moment in moments))
        return {name: read(profile, T0 + 400 * DAY_MS) for name, read in Decaying().numbers.items()}

    assert values(after_ms) == pytest.approx(values(sorted(after_ms)))


def test_what_is_not_counted_is_zero() -> None:
    profile = folded(event("search"), event("purchase", lines=(Line("p1"),), at=T0 + 1))
    assert set(METRICS.values()) == Decaying().types
    assert all_features(profile, T0 + 1)["spend_decayed_1d"] == 0
