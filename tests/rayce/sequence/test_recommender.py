"""`rayce.sequence.recommender` on people whose tastes are planted."""

import numpy as np
import pytest

from rayce.sequence import learning, training
from rayce.sequence.recommender import SequenceRecommender
from rayce.sequence.sequences import Sequences

N = 60


def people(count: int, seed: int) -> Sequences:
    """Ten groups of six items; a step stays in the group and goes one further, three times out of four."""
    chance = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        own = [int(chance.integers(N))]
        for _ in range(chance.integers(6, 14)):
            last = own[-1]
            following = last // 6 * 6 + (last + 1) % 6 if chance.random() < 0.75 else int(chance.integers(N))
            if following not in own:
                own.append(following)
        made.append(own)
    return Sequences.of(made)


@pytest.fixture(scope="module")
def fitted() -> SequenceRecommender:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "STEPS_A_ROUND", (30, 40))
        patch.setattr(training, "MAX_ROUNDS", 3)
        patch.setattr(training, "WARM_STEPS", 10)
        return SequenceRecommender.fit(people(300, 1), N)


def hit_rate(asked: Sequences, lists: list[list[int]]) -> float:
    labels = [int(asked.one(user)[-1]) for user in range(asked.users)]
    return sum(label in found for label, found in zip(labels, lists, strict=True)) / len(labels)


def test_it_foretells_better_than_popularity_and_not_what_is_chance(fitted: SequenceRecommender) -> None:
    asked = people(200, 2)
    histories = [asked.one(user)[:-1] for user in range(asked.users)]
    popular = np.argsort(-fitted.views.popular, kind="stable")

    found = hit_rate(asked, [fitted.top(history, 5).items.tolist() for history in histories])

    by_popularity = [[n for n in popular.tolist() if n not in history][:5] for history in histories]
    assert found > 0.5 > 3 * hit_rate(asked, by_popularity)
    others = [histories[n - 1] for n in range(len(histories))]
    assert hit_rate(asked, [fitted.top(history, 5).items.tolist() for history in others]) < 0.25


def test_the_best_come_first_and_nothing_that_the_person_has(fitted: SequenceRecommender) -> None:
    history = people(1, 3).one(0)

    found = fitted.top(history, 12)

    scores = fitted.scores(history)
    assert found.items.tolist() == np.argsort(-scores, kind="stable")[:12].tolist()
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)
    assert not set(found.items.tolist()) & set(history.tolist())


def test_who_has_nothing_gets_what_is_popular_and_who_has_all_gets_nothing(fitted: SequenceRecommender) -> None:
    popular = np.argsort(-fitted.views.popular, kind="stable")[:5].tolist()
    by_popularity = fitted._replace(weights=np.abs(fitted.weights))

    assert by_popularity.top(np.empty(0, np.int32), 5).items.tolist() == popular
    assert fitted.top(np.arange(N, dtype=np.int32)).items.tolist() == []


def test_the_same_histories_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "MAX_ROUNDS", 1)
    monkeypatch.setattr(training, "STEPS_A_ROUND", (8, 8))

    one, other = (SequenceRecommender.fit(people(80, 1), N, seed=4) for _ in range(2))

    history = people(1, 3).one(0)
    assert one.scores(history).tobytes() == other.scores(history).tobytes()


def test_of_many_items_a_question_asks_for_some_that_stand_for_all(
    fitted: SequenceRecommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "CHOSEN_AMONG", 20)
    history, label = np.array([3, 4], np.int32), 50

    columns, place, stands_for = learning.question(fitted.views, history, label, np.random.default_rng(0))

    assert columns[:, place].tolist() == fitted.views.of(history)[:, label].tolist()
    assert np.exp(stands_for).sum() == pytest.approx(N - len(history), rel=1e-5)


@pytest.mark.parametrize("lists", [[], [[]], [[0]], [[0, 1], [1, 0]], [[2, 2, 2], [1, 1]]])
def test_hardly_any_history_is_no_error(lists: list[list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "STEPS_A_ROUND", (2, 2))

    fitted = SequenceRecommender.fit(Sequences.of(lists), 3)

    assert len(fitted.top(np.array([0], np.int32)).items) == 2
