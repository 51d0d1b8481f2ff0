"""Knobs chosen on the end of a history: never worse there, the same every time, and without a look at what is asked."""

import numpy as np
import pytest

from rayce import session_tuning
from rayce.session_neighbours import KNOBS, Sessions
from rayce.session_rows import SessionRows
from rayce.session_tuning import Hits, Question, measure, tuned


def rows_of(*sessions: list[int]) -> SessionRows:
    starts = np.cumsum([0, *map(len, sessions)]).astype(np.int64)
    items = np.array([item for each in sessions for item in each], dtype=np.int32)
    places = np.array([place for each in sessions for place in range(len(each))], dtype=np.int16)
    return SessionRows(starts, items, places)


def walks(count: int, n_items: int, seed: int) -> SessionRows:
    """Sessions that step back or ahead by one, mostly ahead."""
    chance = np.random.default_rng(seed)
    steps = chance.choice([1, 1, 1, -1, 5], (count, 5)).cumsum(axis=1) + chance.integers(0, n_items, (count, 1))
    return rows_of(*(steps % n_items).tolist())


def test_hits_are_counted_and_ranked() -> None:
    sessions = Sessions(rows_of([0, 1], [2, 3]), 4, KNOBS._replace(again=0.0))
    found = measure(sessions, [Question([0], 1), Question([2], 1), Question([], 1), Question([2], -1)])
    assert found.hit_rate == 0.25 and 0 < found.mrr <= 0.25
    assert measure(sessions, []) == Hits(0.0, 0.0)


def test_the_knobs_that_are_chosen_foretell_the_end_no_worse_and_are_chosen_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_tuning, "QUESTIONS", 200)
    rows = walks(600, 40, 1)
    knobs = tuned(rows, 40, np.random.default_rng(3))
    assert knobs == tuned(rows, 40, np.random.default_rng(3))
    earlier, later = session_tuning._part(rows, 0, 550), session_tuning._part(rows, 550, 600)
    questions = list(session_tuning._questions(later))
    assert len(questions) == 200, "all of them are asked, so that the choice can be checked"
    chosen, given = (measure(Sessions(earlier, 40, each), questions) for each in (knobs, KNOBS))
    assert chosen.score > given.score
    assert knobs != KNOBS


@pytest.mark.parametrize("sessions", [[], [[0, 1]], [[0, 1], [1, 2]]])
def test_a_history_too_short_to_learn_from_gives_knobs_too(sessions: list[list[int]]) -> None:
    assert tuned(rows_of(*sessions), 3, np.random.default_rng(0)).asked == KNOBS.asked


def test_what_is_asked_is_not_known_to_what_answers() -> None:
    rows = walks(120, 40, 2)
    earlier, later = session_tuning._part(rows, 0, 110), session_tuning._part(rows, 110, 120)
    assert len(earlier.items) + len(later.items) == len(rows.items)
    assert next(session_tuning._questions(later)).session[0] == rows.items[rows.starts[110]]
