"""What was built and what came since answer as if all had been built at once: to the bit."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from rayce import session_rows as bounds
from rayce import session_tail
from rayce.session_index import SessionIndex, index_of, rows_within
from rayce.session_neighbours import KNOBS, Sessions
from rayce.session_rows import NO_KEYS, SessionRows, session_rows
from rayce.session_tail import NOTHING_FRESH, Fresh, Joined, _bounded

ITEMS = 8
KNOBS_HERE = KNOBS._replace(most=3, last_most=2)
"""So few that it matters which sessions are the newest."""

Touch = tuple[int, int, int]
"""Session, item, and how much later than the one before (ms)."""
histories = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, ITEMS - 1), st.integers(0, 2)), min_size=1, max_size=40
)
questions = st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=5)
KEYS = np.array([hash((3, n)) & (2**64 - 1) for n in range(10)], dtype=np.uint64)


def columns(history: list[Touch]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """In order of the log; within a session time goes on with each event."""
    at_ms = np.cumsum([1 + gap for _s, _i, gap in history]).astype(np.int64)
    at_ms //= 2  # two sessions may end in the same millisecond
    session = np.array([s for s, _i, _gap in history], dtype=np.int32)
    return session, np.array([i for _s, i, _gap in history], dtype=np.int32), at_ms


def answers(sessions: Sessions, asked: list[list[int]]) -> list[tuple[list[int], list[float]]]:
    found = [sessions.near(each, ITEMS) for each in asked]
    return [(each.items.tolist(), each.scores.tolist()) for each in found]


def split(history: list[Touch], built_until: int, read_from: int, ahead: int = 0) -> tuple[Sessions, Sessions]:
    """(built and renewed, built at once); what is read again is known already.

    Sessions with odd numbers are in another partition, of which so many events more were built.
    """
    session, item, at_ms = columns(history)
    order = np.arange(len(history))
    old = order < built_until + ahead * (session % 2)
    built = Sessions(session_rows(session[old], item[old], at_ms[old], KEYS), ITEMS, KNOBS_HERE)
    new = order >= read_from
    built.renew(Fresh(session[new], item[new], at_ms[new], KEYS))
    return built, Sessions(session_rows(session, item, at_ms, KEYS), ITEMS, KNOBS_HERE)


def one_moment_one_session(history: list[Touch]) -> bool:
    """What a session touches again in the millisecond in which the built part of it ends cannot be told from what is known."""
    session, _item, at_ms = columns(history)
    return len(set(zip(session.tolist(), at_ms.tolist(), strict=True))) == len(history)


@settings(max_examples=150)
@given(histories, st.floats(0, 1), st.integers(0, 30), st.lists(questions, min_size=1, max_size=3))
@example([(0, 1, 1), (0, 2, 1), (1, 1, 1), (1, 3, 0), (2, 1, 0), (2, 4, 1)], 0.5, 0, [[1]])
def test_batch_equals_incremental(history: list[Touch], share: float, ahead: int, asked: list[list[int]]) -> None:
    """All is read again from the beginning: what was built already counts once."""
    assume(one_moment_one_session(history))
    renewed, at_once = split(history, int(share * len(history)), 0, ahead)
    assert answers(renewed, asked) == answers(at_once, asked)


@settings(max_examples=100)
@given(histories, st.floats(0, 1), st.floats(0, 1), st.lists(questions, min_size=1, max_size=3))
def test_so_it_does_when_only_the_end_is_read(
    history: list[Touch], share: float, again: float, asked: list[list[int]]
) -> None:
    """Unless somebody had touched but one product by then, before what is read again: that is not among what was built."""
    assume(one_moment_one_session(history))
    built_until = int(share * len(history))
    read_from = int(again * built_until)
    early = [s for s, _i, _gap in history[:built_until]]
    lone = {s for s in early if early.count(s) == 1 and s not in early[read_from:]}
    assume(not lone & {s for s, _i, _gap in history[built_until:]})
    renewed, at_once = split(history, built_until, read_from)
    assert answers(renewed, asked) == answers(at_once, asked)


@settings(max_examples=100)
@given(histories, st.floats(0, 1), questions, st.integers(2, 12))
def test_so_it_does_where_the_oldest_come_off(history: list[Touch], share: float, asked: list[int], most: int) -> None:
    assume(one_moment_one_session(history))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bounds, "MAX_PLACES", 4)
        session, item, at_ms = columns(history)
        old = np.arange(len(history)) < int(share * len(history))
        built = Sessions(session_rows(session[old], item[old], at_ms[old], KEYS), ITEMS, KNOBS_HERE)
        patched.setattr(bounds, "MAX_CLICKS", most)
        patched.setattr(session_tail, "MAX_CLICKS", most)
        at_once = Sessions(session_rows(session, item, at_ms, KEYS), ITEMS, KNOBS_HERE)
        built.renew(Fresh(session, item, at_ms, KEYS))
        assert answers(built, [asked]) == answers(at_once, [asked])


@given(histories, histories, questions)
def test_what_is_not_fresh_any_more_is_forgotten(one: list[Touch], other: list[Touch], asked: list[int]) -> None:
    built, _at_once = split(one, len(one), len(one))
    before = answers(built, [asked])
    built.renew(Fresh(*columns(other), KEYS))
    built.renew(NOTHING_FRESH)
    assert answers(built, [asked]) == before


def test_a_forgotten_session_is_not_heard_though_it_was_built_and_goes_on() -> None:
    history = [(0, 1, 1), (0, 2, 1), (1, 1, 1), (1, 3, 1)]
    built, _at_once = split(history, 4, 4)
    assert 2 in built.near([1], 9).items
    nobody = np.empty(0, np.int32)
    built.renew(Fresh(nobody, nobody, nobody.astype(np.int64), NO_KEYS, KEYS[:1]))
    assert 2 not in built.near([1], 9).items and 3 in built.near([1], 9).items
    again = np.zeros(2, np.int32), np.array([1, 4], np.int32), np.array([90, 91])
    built.renew(Fresh(*again, KEYS, KEYS[:1]))
    found = built.near([1], 9).items
    assert 4 in found and 2 not in found, "only what came after it was forgotten"


def test_sessions_of_an_older_version_are_all_older_than_what_is_fresh() -> None:
    rows = SessionRows(np.array([0, 2]), np.array([1, 2], np.int32), np.array([0, 1], np.int16))
    sessions = Sessions(rows, ITEMS)
    sessions.renew(Fresh(np.zeros(2, np.int32), np.array([1, 5], np.int32), np.array([7, 8]), KEYS))
    assert {2, 5} <= set(sessions.near([1], 9).items.tolist())
    assert sessions.until_ms == 0


def test_what_came_onto_the_shelf_since_is_heard_as_if_it_had_always_been_there() -> None:
    history = [(0, 1, 1), (0, 2, 1), (1, 1, 1), (1, 9, 1), (1, 2, 1)]
    session, item, at_ms = columns(history)
    built = Sessions(session_rows(session[:2], item[:2], at_ms[:2], KEYS), ITEMS, KNOBS_HERE)
    assert built.near([9], 9).items.tolist() == [], "not known yet"
    built.renew(Fresh(session, item, at_ms, KEYS), 10)
    at_once = Sessions(session_rows(session, item, at_ms, KEYS), 10, KNOBS_HERE)
    assert answers(built, [[1], [9], [2, 9]]) == answers(at_once, [[1], [9], [2, 9]])
    assert 9 in built.near([1], 9).items


def test_rows_within_are_those_of_the_sessions_in_order() -> None:
    rows = index_of(
        session_rows(*columns([(0, 1, 1), (0, 2, 1), (1, 1, 1), (1, 3, 1), (2, 5, 1), (2, 6, 1)])), ITEMS
    ).rows
    assert rows_within(rows, np.array([2, 0], np.int32)).tolist() == [4, 5, 0, 1]
    assert rows_within(rows, np.array([], np.int32)).tolist() == []


def heard_twice(built: SessionIndex, tail: SessionIndex, tail_at: np.ndarray, gone: np.ndarray) -> Joined:
    """A mutant: what moved into the tail stays where it was as well."""
    return _bounded(built, tail, tail_at, gone[:0])


def without_order(built: SessionIndex, tail: SessionIndex, tail_at: np.ndarray, gone: np.ndarray) -> Joined:
    """A mutant: all that is fresh is newer than all that was built."""
    return _bounded(built, tail, np.full_like(tail_at, built.n_sessions), gone)


GOES_ON = [(0, 1, 1), (0, 2, 1), (0, 1, 1), (0, 3, 1)]
COMES_LATE = [(0, 1, 1), (0, 2, 1), (1, 1, 1), (1, 3, 1), (3, 1, 1), (3, 4, 1), (5, 1, 1), (5, 5, 1)]


@pytest.mark.parametrize(
    "mutant, history, share, ahead", [(heard_twice, GOES_ON, 0.5, 0), (without_order, COMES_LATE, 0.0, 9)]
)
def test_a_mutant_is_caught(
    mutant: Callable[..., Joined], history: list[Touch], share: float, ahead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = test_batch_equals_incremental.hypothesis.inner_test  # type: ignore[attr-defined]
    check(history, share, ahead, [[1]])
    monkeypatch.setattr(session_tail, "_bounded", mutant)
    with pytest.raises(AssertionError):
        check(history, share, ahead, [[1]])
