"""The curve that made the clicks is found again; what one would count naively is not it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from rayce.position_bias import MIN_EXAMINED, Shown, examined, kinds

TRUTH = np.array([1.0, 0.7, 0.5, 0.35, 0.25, 0.2])


def clicks(lists: int, noise: float, shuffled: bool = False) -> tuple[Shown, NDArray[np.float64]]:
    """Lists of six, in the order of a noisy score of their relevance, clicked by the position-based model."""
    chance = np.random.default_rng(1)
    relevance = chance.beta(1, 3, (lists, 6))
    scores = chance.random((lists, 6)) if shuffled else relevance + chance.normal(0, noise, (lists, 6))
    order = np.argsort(-scores, axis=1)
    relevance, scores = np.take_along_axis(relevance, order, 1), np.take_along_axis(scores, order, 1)
    clicked = chance.random((lists, 6)) < relevance * TRUTH
    flat = scores.ravel().tolist()
    kind = kinds(flat, ["shuffle" if shuffled else "gradient"] * len(flat), [shuffled] * len(flat))
    return Shown(np.tile(np.arange(6), lists), kind, clicked.ravel()), clicked.mean(axis=0)


@pytest.mark.parametrize("shuffled", [True, False])
def test_the_planted_curve_is_found(shuffled: bool) -> None:
    shown, _naive = clicks(40_000, 0.05, shuffled)
    assert examined(shown, 6) == pytest.approx(TRUTH, abs=0.06)


def test_counting_clicks_by_place_is_wrong_where_the_best_stand_first() -> None:
    """Negative control: relevance and place are mixed up."""
    _shown, naive = clicks(40_000, 0.05)
    assert np.abs(naive / naive[0] - TRUTH).max() > 0.15


def test_without_clicks_the_prior_holds_and_a_few_move_it_little() -> None:
    few, _naive = clicks(10, 0.05)
    curve = examined(few, 6)
    assert curve == pytest.approx(1 / np.sqrt(np.arange(1, 7)), abs=0.15)
    assert (np.diff(curve) < 0).all()


def test_no_place_is_taken_for_hopeless() -> None:
    place = np.tile(np.arange(3), 5_000)
    curve = examined(Shown(place, np.zeros(len(place), np.int64), place == 0), 3)
    assert curve.tolist() == [1.0, MIN_EXAMINED, MIN_EXAMINED]


def test_equal_input_gives_equal_curves_and_places_far_down_are_one() -> None:
    shown, _naive = clicks(500, 0.05)
    assert examined(shown).tolist() == examined(shown).tolist()
    assert len(examined(shown._replace(place=shown.place * 100))) == 20


def test_equal_scores_are_of_one_kind_and_policies_are_kept_apart() -> None:
    found = kinds([1.0, 1.0, 2.0, 1.0, 9.0], ["a", "a", "a", "b", "b"], [False, False, False, True, True])
    assert found[0] == found[1] != found[2]
    assert found[3] == found[4] and found[3] not in found[:3]
