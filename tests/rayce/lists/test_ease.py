import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from rayce.lists import ease as module
from rayce.lists.ease import LEAST_PEOPLE, ease
from rayce.shelf import NOTHING


def by_the_formula(interest: np.ndarray, shrinkage: float) -> np.ndarray:
    """Steck 2019, algorithm 1."""
    inverse = np.linalg.inv(interest.T @ interest + shrinkage * np.eye(interest.shape[1]))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def filled(items: np.ndarray, scores: np.ndarray, count: int) -> np.ndarray:
    """The table as a matrix."""
    found = np.zeros((count, count))
    for row, (near, values) in enumerate(zip(items, scores, strict=True)):
        for item, value in zip(near, values, strict=True):
            if item != NOTHING:
                found[row, item] = value
    return found


@given(st.integers(0, 1_000), st.integers(1, 12), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_it_is_the_formula_with_more_people_or_with_more_products(seed: int, people: int, items: int) -> None:
    chance = np.random.default_rng(seed)
    interest = chance.random((people, items)) * (chance.random((people, items)) < 0.5)
    interest[:, (interest > 0).sum(axis=0) < LEAST_PEOPLE] = 0.0
    found = filled(*ease(sparse.csr_array(interest), 2.0, items), items)
    wanted = np.maximum(by_the_formula(interest, 2.0), 0.0)
    assert found == pytest.approx(np.where(wanted > 1e-7, wanted, found), abs=1e-5)


def test_only_the_strongest_are_kept_best_first() -> None:
    interest = np.random.default_rng(1).random((30, 20))
    near = ease(sparse.csr_array(interest), 5.0, 3)
    whole = by_the_formula(interest, 5.0)
    for row, items in enumerate(near.items):
        best = np.argsort(-whole[row], kind="stable")[:3]
        assert [n for n in items.tolist() if n != NOTHING] == [n for n in best.tolist() if whole[row, n] > 0]


def test_of_too_many_products_the_most_wanted_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_DENSE", 4)
    chance = np.random.default_rng(2)
    interest = (chance.random((50, 9)) < np.linspace(0.9, 0.1, 9)).astype(float)
    near = ease(sparse.csr_array(interest), 1.0, 8)
    assert (near.items[4:] == NOTHING).all()
    assert (near.items[:4].max(axis=1) < 4).all()
    assert filled(*near, 9)[:4, :4] == pytest.approx(np.maximum(by_the_formula(interest[:, :4], 1.0), 0), abs=1e-5)


def test_nobody_speaks_for_nothing() -> None:
    assert (ease(sparse.csr_array((0, 5)), 1.0, 3).items == NOTHING).all()
    assert ease(sparse.csr_array((3, 0)), 1.0, 3).items.shape == (0, 3)


def test_what_hardly_anybody_wants_does_not_speak() -> None:
    interest = np.zeros((10, 4))
    interest[:LEAST_PEOPLE, :2] = 1.0
    interest[: LEAST_PEOPLE - 1, 2:] = 1.0
    near = ease(sparse.csr_array(interest), 1.0, 3)
    assert (near.items[:2, 0] == [1, 0]).all() and (near.items[2:] == NOTHING).all()
