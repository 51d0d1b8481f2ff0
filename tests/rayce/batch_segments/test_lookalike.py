"""A planted likeness is found, chance is not, and the test is honest."""

import numpy as np
import pytest

from rayce.batch_segments.definition import Lookalike
from rayce.batch_segments.lookalike import Likeness, chosen, likeness
from rayce.errors import NotEnoughData
from tests.samples import person

PEOPLE = [person(n) for n in range(3_000)]
NAMES = ("spend", "visits", "noise")


def planted(seed: int = 1, strength: float = 1.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(features, seeds, who is like them): half of those who are alike are seeds."""
    rng = np.random.default_rng(seed)
    alike = rng.random(len(PEOPLE)) < 0.15
    features = np.abs(rng.normal(size=(len(PEOPLE), 3))) * 10
    features[:, 0] *= np.where(alike, np.exp(strength), 1.0)
    features[:, 1] *= np.where(alike, np.exp(strength / 2), 1.0)
    return features, alike & (rng.random(len(PEOPLE)) < 0.5), alike


def learnt(spec: Lookalike, strength: float = 1.5, **more: object) -> tuple[Likeness, np.ndarray, np.ndarray]:
    features, seeds, alike = planted(strength=strength)
    everybody = np.ones(len(PEOPLE), dtype=np.bool_)
    given = {"may": everybody, **more}
    return likeness("like", features, NAMES, PEOPLE, seeds, spec=spec, **given), seeds, alike  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["linear", "trees"])
def test_who_is_like_the_seeds_is_found(method: str) -> None:
    spec = Lookalike("vip", size=200, method=method)  # type: ignore[arg-type]
    found, seeds, alike = learnt(spec)
    assert found.auc > 0.75 and next(iter(found.importance)) == "spend"
    others = chosen(found.scores, ~seeds, spec)
    assert others.sum() == 200 and not (others & seeds).any()
    assert alike[others].mean() > 3 * alike[~seeds].mean()


@pytest.mark.parametrize("method", ["linear", "trees"])
def test_without_anything_to_find_the_test_says_so(method: str) -> None:
    found, _seeds, _alike = learnt(Lookalike("vip", size=9, method=method), strength=0.0)  # type: ignore[arg-type]
    assert 0.35 < found.auc < 0.65, "a test on people it was trained on would see more"


@pytest.mark.parametrize("method", ["linear", "trees"])
def test_the_same_people_give_the_same_scores(method: str) -> None:
    one, two = (learnt(Lookalike("vip", size=9, method=method))[0] for _ in range(2))  # type: ignore[arg-type]
    assert np.array_equal(one.scores, two.scores) and one.importance == two.importance


def test_nothing_is_learnt_of_who_does_not_allow_training() -> None:
    features, seeds, _alike = planted()
    may = np.arange(len(PEOPLE)) % 2 == 0
    other = features.copy()
    other[~may] = 1e6
    spec = Lookalike("vip", size=9)
    one, two = (likeness("like", each, NAMES, PEOPLE, seeds, may, spec) for each in (features, other))
    assert np.array_equal(one.scores[may], two.scores[may]) and one.auc == two.auc


def test_who_does_not_allow_it_any_more_is_left_out() -> None:
    found, seeds, _alike = learnt(Lookalike("vip", size=9))
    gone = {PEOPLE[row] for row in np.flatnonzero(seeds)[:40].tolist()}
    fewer, _, _ = learnt(Lookalike("vip", size=9), denied=lambda persons: gone.intersection(persons))
    assert fewer.seeds == found.seeds - 40


def test_too_few_seeds_are_said() -> None:
    features, seeds, _alike = planted()
    few = seeds & (np.cumsum(seeds) <= 40)
    with pytest.raises(NotEnoughData, match="like: 40 seeds"):
        likeness("like", features, NAMES, PEOPLE, few, np.ones(len(PEOPLE), np.bool_), Lookalike("vip", size=9))


def test_the_best_are_chosen_or_those_from_a_score_on() -> None:
    scores, all_of_them = np.array([0.1, 0.9, 0.5, 0.9]), np.ones(4, dtype=np.bool_)
    assert chosen(scores, all_of_them, Lookalike("v", size=1)).tolist() == [False, True, False, False]
    assert chosen(scores, all_of_them, Lookalike("v", score=0.5)).tolist() == [False, True, True, True]
    assert chosen(scores, scores < 0.6, Lookalike("v", size=9)).tolist() == [True, False, True, False]
