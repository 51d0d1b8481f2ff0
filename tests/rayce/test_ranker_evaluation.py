import numpy as np
import pytest

from rayce.candidates import Wish
from rayce.decay import DAY_MS
from rayce.item import Item
from rayce.profile import Profile
from rayce.ranker_evaluation import evaluate_ranker
from rayce.ranking import RANKING_FEATURES, Matrix
from rayce.ranking_examples import Example
from rayce.shelf import Shelf
from tests.samples import T0, event, folded


class ByPopularity:
    """A ranker that trusts the first column."""

    features = RANKING_FEATURES

    def score_many(self, rows: Matrix) -> np.ndarray:  # type: ignore[type-arg]
        return rows[:, 0]


class Backwards(ByPopularity):
    """A light model that trusts its opposite."""

    def score_many(self, rows: Matrix) -> np.ndarray:  # type: ignore[type-arg]
        return -rows[:, 0]


@pytest.fixture
def shelf() -> Shelf:
    items = [Item(f"p{n:02}") for n in range(30)]
    nothing = np.zeros((30, 1), dtype=np.int32) - 1
    return Shelf.from_items(items, np.arange(30, 0, -1, dtype=np.float32), nothing, np.zeros((30, 1), np.float32))


def example(profile: Profile, basket: set[str], rehearsed: bool = False, listed: str = "p25") -> Example:
    features = np.zeros((30, len(RANKING_FEATURES)))
    features[:, 0] = np.arange(30)
    bought = np.array([f"p{n:02}" in basket for n in range(30)])
    listing = [(listed, 1.0)]
    return Example(T0, profile, listing, frozenset(basket), np.arange(30, dtype=np.int32), features, bought, rehearsed)


def test_each_way_of_listing_is_scored_by_its_own_list(shelf: Shelf) -> None:
    habit = folded(event("purchase", "p15", at=T0 - 9 * DAY_MS))
    examples = [example(habit, {name}) for name in ("p29", "p00", "p15", "p25")]
    found = evaluate_ranker(ByPopularity(), Backwards(), shelf, examples, Wish())
    assert found["hit_rate_at_10"] == 0.5
    assert found["popular_hit_rate_at_10"] == 0.25
    assert found["own_frequency_hit_rate_at_10"] == 0.25
    assert found["list_hit_rate_at_10"] == 0.25
    assert found["light_hit_rate_at_10"] == 0.25 and found["light_ndcg_at_10"] < found["ndcg_at_10"]


def test_rehearsed_sessions_are_scored_apart(shelf: Shelf) -> None:
    examples = [example(Profile(), {"p29"}), example(Profile(), {"p00"}, rehearsed=True)]
    found = evaluate_ranker(ByPopularity(), Backwards(), shelf, examples, Wish())
    assert (found["hit_rate_at_10"], found["session_hit_rate_at_10"]) == (1.0, 0.0)


def test_what_was_just_bought_is_not_shown_from_the_list_either(shelf: Shelf) -> None:
    just = folded(event("purchase", "p25", at=T0 - 1_000))
    assert (
        evaluate_ranker(ByPopularity(), Backwards(), shelf, [example(just, {"p25"})], Wish())["list_hit_rate_at_10"]
        == 0.0
    )
