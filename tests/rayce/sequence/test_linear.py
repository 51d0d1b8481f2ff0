"""`rayce.sequence.linear` against ridge regressions, one an item."""

import numpy as np
import pytest

from rayce.sequence import linear
from rayce.sequence.linear import LinearItems
from rayce.sequence.sequences import Sequences

N = 12


@pytest.fixture
def sequences() -> Sequences:
    chance = np.random.default_rng(5)
    return Sequences.of(chance.permutation(N - 1)[: chance.integers(1, 8)].tolist() for _ in range(60))


def slowly(sequences: Sequences, ridge: float) -> np.ndarray:
    """Each item from all others by least squares."""
    had = np.zeros((sequences.users, N))
    for user in range(sequences.users):
        had[user, sequences.one(user)] = 1
    weights = np.zeros((N, N))
    for item in range(N):
        others = [n for n in range(N) if n != item]
        x = had[:, others]
        weights[others, item] = np.linalg.solve(x.T @ x + ridge * np.eye(N - 1), x.T @ had[:, item])
    return weights


def test_each_item_is_foretold_from_all_others(sequences: Sequences) -> None:
    found = LinearItems.fit(sequences, N).after(np.array([3, 7], np.int32), (0.5,))

    weights = slowly(sequences, linear.RIDGE)
    assert found[0] == pytest.approx(weights[7] + 0.5 * weights[3], abs=1e-6)


def test_with_many_items_the_popular_ones_are_known_and_the_rest_scores_nothing(
    sequences: Sequences, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "MOST_ITEMS", 4)

    found = LinearItems.fit(sequences, N).after(np.arange(N, dtype=np.int32), (0.9,))

    best = np.argsort(-np.bincount(sequences.items, minlength=N), kind="stable")[:4]
    assert sorted(np.flatnonzero(found[0]).tolist()) == sorted(best.tolist())


def test_a_history_of_unknown_items_says_nothing(sequences: Sequences) -> None:
    assert not LinearItems.fit(sequences, N).after(np.array([N - 1], np.int32), (0.9,)).any()
