"""The trial of a ranking model: what goes wrong when models are made is caught, a new model of the same kind passes."""

import numpy as np
import pytest

from rayce.model_trial import Scores, correlation, fault, is_finite, is_flat, top_overlap

CHANCE = np.random.default_rng(1)
FORMER = [CHANCE.normal(0, 1, 200) for _ in range(4)]


def noisy(scores: Scores, amount: float) -> Scores:
    found: Scores = scores + CHANCE.normal(0, amount, len(scores))
    return found


@pytest.mark.parametrize("amount", [0.0, 0.3, 1.0, 3.0])
def test_a_new_model_of_the_same_kind_passes(amount: float) -> None:
    assert fault([noisy(each, amount) for each in FORMER], FORMER) == ""


def test_a_model_on_another_scale_passes_within_the_band() -> None:
    assert fault([10 * each + 5 for each in FORMER], FORMER) == ""


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda each: np.where(np.arange(len(each)) == 7, np.nan, each), "no numbers"),
        (lambda each: each + np.inf, "no numbers"),
        (lambda each: np.zeros(len(each)), "the same"),
        (lambda each: -each, "turned round"),
        (lambda each: each * 1_000, "spread"),
        (lambda each: each / 1_000, "spread"),
        (lambda each: each + 1_000, "away"),
    ],
    ids=["nan", "infinite", "constant", "sign lost", "too wide", "too narrow", "shifted"],
)
def test_what_goes_wrong_is_caught(made, said: str) -> None:  # type: ignore[no-untyped-def]
    assert said in fault([made(each) for each in FORMER], FORMER)


def test_without_a_former_model_only_nonsense_is_refused() -> None:
    assert fault([FORMER[0] * 1e6]) == ""
    assert fault([np.zeros(20)]) and fault([np.array([np.nan])])


def test_a_former_model_that_was_useless_holds_nobody_up() -> None:
    assert fault(FORMER, [np.zeros(200)] * 4) == ""
    assert fault(FORMER, [np.full(200, np.nan)] * 4) == ""


def test_a_few_scores_say_nothing_of_a_distribution() -> None:
    assert fault([np.zeros(3)], [np.array([1.0, 2.0, 3.0])]) == ""
    assert fault([]) == ""


def test_flat_and_finite() -> None:
    assert is_flat(np.zeros(10)) and not is_flat(np.zeros(9)) and not is_flat(np.arange(10.0))
    assert is_finite(np.arange(3.0)) and not is_finite(np.array([1.0, np.nan]))


def test_overlap_and_correlation() -> None:
    one = np.arange(20.0)
    assert (top_overlap(one, one), top_overlap(one, -one)) == (1.0, 0.0)
    assert (correlation(one, one), correlation(one, -one)) == (1.0, -1.0)
    assert (top_overlap(np.empty(0), np.empty(0)), correlation(one[:1], one[:1])) == (1.0, 1.0)
    half = np.concatenate([one[10:][::-1], one[:10]])
    assert 0 <= top_overlap(one, half) <= 1
