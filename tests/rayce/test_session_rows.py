"""Sessions by age from rows in any order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce import session_rows as module
from rayce.session_rows import MAX_PLACES, SessionRows, session_rows


def rows_of(*rows: tuple[int, int, int]) -> SessionRows:
    session, item, at_ms = (np.array(column) for column in zip(*rows, strict=True)) if rows else (np.zeros(0, int),) * 3
    return session_rows(session.astype(np.int32), item.astype(np.int32), at_ms.astype(np.int64))


def lists(rows: SessionRows) -> list[list[tuple[int, int]]]:
    pairs = list(zip(rows.items.tolist(), rows.places.tolist(), strict=True))
    return [pairs[begin:end] for begin, end in zip(rows.starts[:-1], rows.starts[1:], strict=True)]


def test_sessions_come_by_their_end_and_items_by_their_time() -> None:
    found = rows_of((7, 1, 50), (7, 2, 10), (3, 4, 20), (3, 5, 21))
    assert lists(found) == [[(4, 0), (5, 1)], [(2, 0), (1, 1)]]


def test_items_of_one_moment_have_one_place() -> None:
    assert lists(rows_of((0, 9, 5), (0, 2, 5), (0, 3, 6))) == [[(2, 0), (9, 0), (3, 1)]]


def test_a_session_of_one_row_tells_nothing() -> None:
    assert lists(rows_of((0, 1, 1), (1, 1, 1), (1, 2, 2))) == [[(1, 0), (2, 1)]]
    assert lists(rows_of()) == []


def test_of_a_long_session_the_end_is_kept_and_of_a_long_history_too(monkeypatch: pytest.MonkeyPatch) -> None:
    (long,) = lists(rows_of(*((0, n, n) for n in range(MAX_PLACES + 5))))
    assert long[0] == (5, 0) and long[-1] == (MAX_PLACES + 4, MAX_PLACES - 1)
    monkeypatch.setattr(module, "MAX_CLICKS", 4)
    assert [len(each) for each in lists(rows_of(*((s, n, 10 * s + n) for s in range(5) for n in range(2))))] == [2, 2]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9), st.integers(0, 12)), max_size=60))
def test_the_order_of_the_rows_does_not_matter_and_nothing_is_lost(rows: list[tuple[int, int, int]]) -> None:
    found, again = rows_of(*rows), rows_of(*reversed(rows))
    assert lists(found) == lists(again)
    for session in lists(found):
        places = [place for _item, place in session]
        assert places == sorted(places) and places[0] == 0
    many = {s for s, _i, _t in rows if sum(s == other for other, _i, _t in rows) > 1}
    assert sorted(item for each in lists(found) for item, _p in each) == sorted(i for s, i, _t in rows if s in many)
