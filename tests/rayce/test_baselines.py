"""Baselines: the candidates' order, and any order, the same again for the same question."""

import numpy as np

from rayce.baselines import BASELINES
from rayce.ranking import RANKING_FEATURES

ROWS = np.random.default_rng(2).random((50, len(RANKING_FEATURES)))


def order(name: str, rows: np.ndarray) -> list[int]:
    return np.argsort(-BASELINES[name].score_many(rows), kind="stable").tolist()


def test_noop_keeps_the_candidates_order() -> None:
    assert order("noop", ROWS) == list(range(50))


def test_shuffle_is_another_order_and_the_same_again() -> None:
    assert order("shuffle", ROWS) == order("shuffle", ROWS.copy()) != list(range(50))
    assert sorted(order("shuffle", ROWS)) == list(range(50))


def test_another_question_is_shuffled_otherwise() -> None:
    assert order("shuffle", ROWS) != order("shuffle", ROWS + 1)


def test_every_place_is_as_likely_as_every_other() -> None:
    """The mean place of the first candidate over 400 questions is about the middle."""
    places = [order("shuffle", ROWS + n).index(0) for n in range(400)]
    assert abs(np.mean(places) - 24.5) < 4 * 14.4 / 20
