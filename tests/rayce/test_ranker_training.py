import numpy as np
import pytest

from rayce.decay import DAY_MS
from rayce.errors import NotEnoughData
from rayce.event import Event
from rayce.history import split
from rayce.item import Item
from rayce.model import Model
from rayce.past import remember
from rayce.profile import Profile
from rayce.ranker_training import NEGATIVES, Serving, as_rows, train, window_start
from rayce.ranking import RANKING_FEATURES
from rayce.ranking_examples import Example
from tests.samples import T0, event

WEEKS = 12
ITEMS = [Item(f"p{n:02}") for n in range(60)]
UNTIL = T0 + WEEKS * 7 * DAY_MS


def history() -> list[Event]:
    """Thirty people who each buy their own product every week, and one of the first five beside it."""
    rng = np.random.default_rng(1)
    return [
        event(
            "purchase", f"p{10 + who}", f"p{int(rng.integers(5)):02}", at=T0 + week * 7 * DAY_MS + who * 1_000, who=who
        )
        for who in range(30)
        for week in range(WEEKS)
    ]


def trained_on(log: list[Event], start_ms: int) -> dict[str, float]:
    earlier, later = split(log, start_ms)
    return train(remember(earlier, ITEMS, start_ms), later, UNTIL, Serving(candidates=40)).metrics


def test_a_planted_habit_is_found() -> None:
    metrics = trained_on(history(), window_start(T0, UNTIL))
    assert metrics["hit_rate_at_10"] == 1.0
    assert metrics["ndcg_at_10"] > 0.85
    assert metrics["session_hit_rate_at_10"] > 0.9


def test_what_happens_in_the_window_is_not_in_shelf_or_lists() -> None:
    start_ms = window_start(T0, UNTIL)
    news = [event("purchase", "p50", at=start_ms + n, who=n % 30, event_id=f"news-{n}") for n in range(60)]
    earlier, _later = split([*history(), *news], start_ms)
    past = remember(earlier, ITEMS, start_ms)
    assert past.shelf.popularity[past.shelf.number["p50"]] == 0
    assert all("p50" not in dict(past.lists.of(person)) for person in past.people)
    assert past.lists.of("k1:stranger") == []


def test_the_window_is_four_weeks_or_less_of_a_short_history() -> None:
    assert window_start(0, 365 * DAY_MS) == 337 * DAY_MS
    assert window_start(0, 20 * DAY_MS) == 12 * DAY_MS


def test_too_few_baskets_are_said_to_be_too_few() -> None:
    with pytest.raises(NotEnoughData, match="0 baskets to train the ranker on and 0 to check it on"):
        trained_on(history(), UNTIL)


def test_groups_without_anything_to_order_are_left_out() -> None:
    rows = as_rows([example([True, False]), example([True, True]), example([False]), example([False, True, False])])
    assert rows.groups is not None
    assert rows.groups.tolist() == [2, 3]
    assert rows.labels.tolist() == [1, 0, 0, 1, 0]
    assert rows.features.shape == (5, len(RANKING_FEATURES))
    assert as_rows([]).features.shape == (0, len(RANKING_FEATURES))


def test_of_many_candidates_all_that_were_bought_are_kept() -> None:
    from rayce.ranker_training import _thinned

    whole = example([n % 50 == 0 for n in range(200)])
    thin = _thinned(whole, np.random.default_rng(1))
    assert thin.bought.sum() == whole.bought.sum() == 4
    assert len(thin.items) == NEGATIVES + 4
    assert np.array_equal(thin.features, whole.features[thin.items])


def test_a_ranker_is_trained_on_the_features_it_is_served_with() -> None:
    start_ms = window_start(T0, UNTIL)
    earlier, later = split(history(), start_ms)
    made = train(remember(earlier, ITEMS, start_ms), later, UNTIL, Serving(candidates=40))
    assert Model.from_files(made.files).features == RANKING_FEATURES


def example(bought: list[bool]) -> Example:
    count = len(bought)
    features = np.random.default_rng(count).normal(size=(count, len(RANKING_FEATURES)))
    items = np.arange(count, dtype=np.int32)
    return Example(T0, Profile(), [], frozenset({"p"}), items, features, np.array(bought), False)
