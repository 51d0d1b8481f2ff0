"""`rayce.sequence.blend` on choices made with known weights."""

import numpy as np
import pytest

from rayce.sequence.blend import Question, fit

TRUE = np.array([1.2, 0.0, -0.7])


def questions(count: int, seed: int = 0) -> list[Question]:
    """The third view is noise to nobody; choices follow `TRUE`."""
    chance = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        columns = chance.standard_normal((3, 30)).astype(np.float32)
        scores = TRUE @ columns + chance.gumbel(size=30)
        made.append(Question(columns, int(scores.argmax()), np.zeros(30, np.float32)))
    return made


def test_it_finds_the_weights_that_choices_were_made_with() -> None:
    assert fit(questions(2_000), np.array([0.5, 0.5, 0.0])) == pytest.approx(TRUE, abs=0.1)


def test_items_that_stand_for_many_give_the_weights_that_all_would_give() -> None:
    chance = np.random.default_rng(7)
    some = []
    for columns, label, _ in questions(3_000):
        others = np.delete(np.arange(30), label)
        kept = np.append(chance.permutation(others)[:10], label)
        stands_for = np.append(np.full(10, np.log(29 / 10)), 0.0).astype(np.float32)
        some.append(Question(columns[:, kept], 10, stands_for))

    assert fit(some, np.zeros(3)) == pytest.approx(TRUE, abs=0.2)


def test_without_questions_the_weights_stay() -> None:
    assert fit([], np.array([0.5, 0.1])).tolist() == [0.5, 0.1]


def test_few_questions_move_the_weights_little_where_they_say_little() -> None:
    blank = [Question(np.zeros((2, 5), np.float32), 1, np.zeros(5, np.float32))] * 3

    assert fit(blank, np.array([0.5, 0.1])) == pytest.approx(np.array([0.5, 0.1]))
