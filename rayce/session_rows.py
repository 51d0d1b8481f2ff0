"""Sessions as rows: of one row for each product of each event to sessions by age, bounded in length and number."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_CLICKS = 1_000_000
"""Of a longer history the latest sessions are kept."""
MAX_PLACES = 200
"""Of a longer session the latest rows are kept."""

Ints = NDArray[np.int32]


class SessionRows(NamedTuple):
    """Session n, the longest ago first, has the rows `starts[n]` to `starts[n + 1]`.

    `places` count the events of the session: items of one event have one place, as what lies in one basket has no order.
    """

    starts: NDArray[np.int64]
    items: Ints
    places: NDArray[np.int16]


def session_rows(session: Ints, item: Ints, at_ms: NDArray[np.int64]) -> SessionRows:
    """The rows of `rayce.interactions`, in any order; sessions of one row tell nothing and are left out."""
    order = np.lexsort((item, at_ms, session))
    session, item, at_ms = session[order], item[order], at_ms[order]
    ends = np.flatnonzero(np.diff(session, append=-1) != 0) + 1
    lengths = np.diff(ends, prepend=0)
    kept = np.minimum(lengths, MAX_PLACES)
    by_end = np.lexsort((ends, at_ms[ends - 1]))
    by_end = by_end[lengths[by_end] > 1]
    newest = np.cumsum(kept[by_end][::-1])[::-1] <= MAX_CLICKS
    ends, kept = ends[by_end][newest], kept[by_end][newest]
    starts = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
    rows = np.arange(starts[-1]) + np.repeat(ends - kept - starts[:-1], kept)
    step = np.concatenate([[0], np.cumsum(np.diff(at_ms) != 0)])
    places = step[rows] - np.repeat(step[ends - kept], kept)
    return SessionRows(starts, item[rows].astype(np.int32), places.astype(np.int16))
