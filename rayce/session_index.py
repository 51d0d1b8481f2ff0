"""Sessions by the items that they hold: of each item, the sessions that hold it, the newest first."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.session_rows import Ints, SessionKeys, SessionRows

Moments = NDArray[np.int64]


class SessionIndex(NamedTuple):
    """`sessions[first[i]:first[i + 1]]` hold item i, and `matched` is its last place in each.

    `counted` are the rows that the index speaks of: of an item that is in a session more than once its last place counts.
    """

    rows: SessionRows
    first: Moments
    sessions: Ints
    matched: NDArray[np.int16]
    counted: NDArray[np.bool_]

    @property
    def n_sessions(self) -> int:
        """How many there are."""
        return len(self.rows.starts) - 1

    def lengths(self) -> Moments:
        """Rows of each session."""
        return np.diff(self.rows.starts)

    def held(self) -> Moments:
        """Of each item, how many sessions hold it."""
        return np.diff(self.first)


def widened(index: SessionIndex, n_items: int) -> SessionIndex:
    """The same for a shelf onto which items have come since, with the numbers that follow: none of the sessions holds them."""
    missing = n_items + 1 - len(index.first)
    if missing <= 0:
        return index
    return index._replace(first=np.concatenate([index.first, np.full(missing, index.first[-1])]))


def index_of(rows: SessionRows, n_items: int) -> SessionIndex:
    """The index of sessions of items 0 to `n_items`."""
    owner = np.repeat(np.arange(len(rows.starts) - 1, dtype=np.int32), np.diff(rows.starts))
    order = np.lexsort((-rows.places.astype(np.int32), -owner, rows.items))
    item, holder = rows.items[order], owner[order]
    last = np.ones(len(order), dtype=np.bool_)
    last[1:] = (item[1:] != item[:-1]) | (holder[1:] != holder[:-1])
    counts = np.bincount(item[last], minlength=n_items)
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    counted = np.zeros(len(order), dtype=np.bool_)
    counted[order[last]] = True
    return SessionIndex(rows, first, holder[last], rows.places[order][last], counted)


def rows_within(rows: SessionRows, sessions: Ints | Moments) -> Moments:
    """The numbers of all rows of these sessions, one session after the other."""
    begins, lengths = rows.starts[sessions], rows.starts[sessions + 1] - rows.starts[sessions]
    upto = np.cumsum(lengths)
    total = int(upto[-1]) if len(upto) else 0
    found: Moments = np.arange(total) + np.repeat(begins - (upto - lengths), lengths)
    return found


class KnownKeys:
    """Which of the sessions has a key."""

    def __init__(self, keys: SessionKeys) -> None:
        self._order = np.argsort(keys, kind="stable").astype(np.int32)
        self._sorted = keys[self._order]

    def places(self, keys: SessionKeys) -> Ints:
        """Of each key the number of its session; -1 where there is none."""
        if not len(self._sorted):
            return np.full(len(keys), -1, dtype=np.int32)
        at = np.minimum(np.searchsorted(self._sorted, keys), len(self._sorted) - 1)
        return np.where(self._sorted[at] == keys, self._order[at], -1).astype(np.int32)
