"""Assignment: uniform, independent, honouring weights and holdouts, and moving no more people than it must."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare, kstest

from rayce.slots.assignment import choose, draw, is_within, odds
from rayce.slots.document import Arm
from tests.rayce.slots.pages import people

PEOPLE = people(12_000)
SURE = 0.001
"""Assignment is by hash, so these tests give the same at every run: this is no rate of false alarms."""

Draw = Callable[[str, str, str], float]


def arms(**weights: float) -> list[Arm]:
    return [Arm(name, weight) for name, weight in weights.items()]


def assigned(seed: str, some: Sequence[Arm]) -> list[str]:
    found = [choose(seed, some, person) for person in PEOPLE]
    return [arm.called for arm in found if arm is not None]


def evenness(draws: Sequence[float]) -> float:
    """The probability of draws at least as uneven as these, if they were uniform."""
    return float(kstest(draws, "uniform").pvalue)


def linked(one: Sequence[str], other: Sequence[str]) -> float:
    """The probability of two assignments at least as linked as these, if they were independent."""
    counts = Counter(zip(one, other, strict=True))
    table = [[counts[a, b] for b in sorted(set(other))] for a in sorted(set(one))]
    return float(chi2_contingency(table).pvalue)


def fit(found: Sequence[str], some: Sequence[Arm], holdout: float = 0.0) -> float:
    """The probability of frequencies at least as far from the odds as these."""
    counts = Counter(found)
    expected = [p * len(found) for p in odds(some, holdout)]
    return float(chisquare([counts[arm.called] for arm in some], expected).pvalue)


def test_draws_are_uniform_and_never_0_or_1() -> None:
    draws = [draw("s", "a", person) for person in PEOPLE]
    assert evenness(draws) > SURE
    assert min(draws) > 0 and max(draws) < 1


def test_a_weak_hash_would_be_caught() -> None:
    """The negative control: pseudonyms counted up, as a naive `hash % n` sees them."""
    weak = [(int(person[-8:], 16) % 1000 + 0.5) / 1000 for person in PEOPLE[:1500]]
    assert evenness(weak) < SURE


@pytest.mark.parametrize("weights", [{"a": 1, "b": 1}, {"a": 1, "b": 3}, {"a": 0.2, "b": 5, "c": 1, "d": 0}])
def test_arms_are_as_frequent_as_their_odds(weights: dict[str, float]) -> None:
    some = [arm for arm in arms(**weights) if arm.weight]
    assert fit(assigned("salt", arms(**weights)), some) > SURE


def test_frequencies_off_by_a_few_percent_would_be_caught() -> None:
    assert fit(assigned("salt", arms(a=1, b=1.1)), arms(a=1, b=1)) < SURE


def test_experiments_with_other_salts_are_independent() -> None:
    some = arms(a=1, b=2, c=1)
    assert linked(assigned("one", some), assigned("two", some)) > SURE
    assert linked(assigned("one", some), assigned("one", arms(a=1, c=3))) < SURE  # the same salt is not


def test_the_holdout_is_kept_and_independent_of_the_arms() -> None:
    out = ["out" if is_within("salt", "\1holdout", person, 0, 0.2) else "in" for person in PEOPLE]
    assert chisquare([out.count("out"), out.count("in")], [0.2 * len(out), 0.8 * len(out)]).pvalue > SURE
    assert linked(out, assigned("salt", arms(a=1, b=1))) > SURE


def moved(before: Sequence[Arm], after: Sequence[Arm]) -> Counter[tuple[str, str]]:
    pairs = zip(assigned("salt", before), assigned("salt", after), strict=True)
    return Counter(pair for pair in pairs if pair[0] != pair[1])


def test_an_arm_that_grows_draws_people_and_nobody_else_moves() -> None:
    found = moved(arms(a=1, b=1, c=1), arms(a=1, b=1, c=2))
    assert {to for _from, to in found} == {"c"}
    assert abs(sum(found.values()) / len(PEOPLE) - (2 / 4 - 1 / 3)) < 0.02


def test_a_new_arm_draws_people_and_one_taken_out_gives_only_its_own() -> None:
    assert {to for _from, to in moved(arms(a=1, b=1), arms(a=1, b=1, c=1))} == {"c"}
    assert {came for came, _to in moved(arms(a=1, b=1, c=1), arms(a=1, b=1))} == {"c"}


def test_neither_order_nor_scale_of_the_arms_matters() -> None:
    assert not moved(arms(a=1, b=3), arms(b=3, a=1))
    assert not moved(arms(a=1, b=3), arms(a=10, b=30))


def test_cumulative_ranges_would_move_people_between_arms_that_did_not_change() -> None:
    """The negative control: the usual way of cutting one draw into ranges."""

    def cut(weights: Sequence[float]) -> list[int]:
        ends = np.cumsum(weights) / sum(weights)
        return [int(np.searchsorted(ends, draw("salt", "", person))) for person in PEOPLE]

    pairs = zip(cut([1, 1, 1]), cut([1, 1, 2]), strict=True)
    assert {to for came, to in pairs if came != to} - {2}


def test_a_single_arm_has_everybody_and_without_weights_there_is_none() -> None:
    assert set(assigned("s", arms(a=7, b=0))) == {"a"}
    assert choose("s", arms(a=0), PEOPLE[0]) is None
    assert odds(arms(a=0), 0.0) == [0.0]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=64), st.floats(0, 1))
def test_odds_sum_to_what_is_not_held_out(seed: str, holdout: float) -> None:
    some = arms(a=1, b=2.5)
    assert sum(odds(some, holdout)) == pytest.approx(1 - holdout)
    assert choose(seed, some, "k1:x") == choose(seed, some, "k1:x")
