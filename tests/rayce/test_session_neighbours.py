"""What comes next in sessions like this one; the compiled loop says what the plain one says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayce import session_neighbours
from rayce.errors import InvalidArtifact
from rayce.session_kernel import spread
from rayce.session_neighbours import KNOBS, Sessions
from rayce.session_rows import SessionRows

ITEMS = 12


def rows_of(*sessions: list[int]) -> SessionRows:
    starts = np.cumsum([0, *map(len, sessions)]).astype(np.int64)
    items = np.array([item for each in sessions for item in each], dtype=np.int32)
    places = np.array([place for each in sessions for place in range(len(each))], dtype=np.int16)
    return SessionRows(starts, items, places)


def near(sessions: Sessions, session: list[int], count: int = 20) -> list[int]:
    return sessions.near(session, count).items.tolist()


def test_what_followed_in_like_sessions_comes_first() -> None:
    sessions = Sessions(rows_of([0, 1, 2], [0, 1, 2], [0, 3], [4, 5]), ITEMS)
    assert near(sessions, [0, 1], 3)[0] == 2
    assert not {4, 5} & set(near(sessions, [0, 1]))


def test_a_session_that_shares_more_counts_more() -> None:
    sessions = Sessions(rows_of([0, 1, 7], [1, 8]), ITEMS)
    assert near(sessions, [0, 1]).index(7) < near(sessions, [0, 1]).index(8)
    assert near(sessions, [1]).index(8) < near(sessions, [1]).index(7) or KNOBS.brevity == 0


def test_what_comes_after_counts_more_than_what_came_before_and_the_near_more_than_the_far() -> None:
    found = near(Sessions(rows_of([5, 0, 1, 2, 3]), ITEMS), [0])
    assert found.index(1) < found.index(2) < found.index(3)
    assert found.index(1) < found.index(5)


def test_newer_sessions_count_more() -> None:
    found = near(Sessions(rows_of([0, 1], *[[9, 10]] * 20, [0, 2]), ITEMS), [0])
    assert found.index(2) < found.index(1)


def test_only_the_newest_sessions_of_an_item_are_asked() -> None:
    old, new = [[0, 1]] * 5, [[0, 2]] * 3
    knobs = KNOBS._replace(most=3, last_most=3)
    assert 1 not in near(Sessions(rows_of(*old, *new), ITEMS, knobs), [0])
    assert 1 in near(Sessions(rows_of(*old, *new), ITEMS, knobs._replace(most=4)), [0])


def test_an_item_that_no_session_holds_or_no_item_at_all_leads_nowhere() -> None:
    sessions = Sessions(rows_of([0, 1]), ITEMS)
    assert near(sessions, [11]) == [11]
    assert near(sessions, []) == []
    assert near(Sessions(rows_of(), ITEMS), [3]) == [3]


def test_one_question_leaves_nothing_behind_for_the_next() -> None:
    sessions = Sessions(rows_of([0, 1, 2], [2, 3, 4]), ITEMS)
    first = sessions.near([0, 2], 9)
    sessions.near([4, 3, 1], 9)
    again = sessions.near([0, 2], 9)
    assert first.items.tolist() == again.items.tolist() and first.scores.tolist() == again.scores.tolist()


def test_equal_scores_go_by_number_and_the_best_are_the_best_of_all() -> None:
    sessions = Sessions(rows_of([0, 5], [0, 3], [0, 4]), ITEMS, KNOBS._replace(age=float("inf")))
    assert near(sessions, [0], 3) == near(sessions, [0])[:3]
    assert [item for item in near(sessions, [0]) if item] == [3, 4, 5]


histories = st.lists(st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=6), min_size=1, max_size=12)


@settings(max_examples=60)
@given(histories, st.lists(st.integers(0, ITEMS - 1), max_size=8), st.integers(1, ITEMS))
def test_the_compiled_loop_says_what_the_plain_one_says(past: list[list[int]], now: list[int], count: int) -> None:
    compiled, plain = Sessions(rows_of(*past), ITEMS), Sessions(rows_of(*past), ITEMS)
    plain._spread = spread
    one, two = compiled.near(now, count), plain.near(now, count)
    assert one.items.tolist() == two.items.tolist()
    assert one.scores == pytest.approx(two.scores, rel=1e-12)
    assert len(one.items) <= count and len(set(one.items.tolist())) == len(one.items)
    assert (np.diff(one.scores) <= 0).all() and np.isfinite(one.scores).all()


def test_sessions_survive_their_file() -> None:
    sessions = Sessions(rows_of([0, 1, 2], [2, 2, 4]), ITEMS)
    again = Sessions.from_bytes(sessions.to_bytes(), ITEMS)
    assert again.near([2], 9).items.tolist() == sessions.near([2], 9).items.tolist()
    assert again.to_bytes() == sessions.to_bytes()


@pytest.mark.parametrize("broken", ["cut", "empty", "items of another shelf", "lengths"])
def test_damaged_sessions_are_refused(broken: str) -> None:
    whole = Sessions(rows_of([0, 1, 2], [2, 3, 4]), ITEMS)
    data, n_items = whole.to_bytes(), ITEMS
    if broken == "cut":
        data = data[:60]
    elif broken == "empty":
        data = b""
    elif broken == "items of another shelf":
        n_items = 4
    else:
        rows = whole.rows
        longer = Sessions(rows_of([0, 1, 2]), ITEMS)
        longer.rows = SessionRows(rows.starts, rows.items[:3], rows.places[:3])
        data = longer.to_bytes()
    with pytest.raises(InvalidArtifact):
        Sessions.from_bytes(data, n_items)


def test_a_mutant_that_forgets_the_order_is_caught() -> None:
    """A negative control: without the fades the near and the far would be alike."""
    even = KNOBS._replace(after=1e12, back=1.0, before=1e12, last=0.0)
    found = Sessions(rows_of([5, 0, 1, 2, 3]), ITEMS, even).near([0], 9)
    assert len(set(np.round(found.scores[:4], 9).tolist())) == 1
    assert session_neighbours.KNOBS.after < 1e12
