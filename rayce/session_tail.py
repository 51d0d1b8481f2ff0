"""What has come since the sessions were built, joined to them: the same answers as from sessions built anew of all of it.

Whoever goes on with a session that was built already takes it along: its rows move into the tail, and what was built of it
counts as gone. The rest of what was built is not touched, so a tail costs what it holds, however much was built.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.session_index import KnownKeys, Moments, SessionIndex, index_of, rows_within
from rayce.session_rows import MAX_CLICKS, NO_KEYS, NO_MOMENTS, Ints, SessionKeys, SessionRows, session_rows


class Fresh(NamedTuple):
    """Rows as `rayce.interactions` has them, in any order: numbers of session and item, and when; `keys` by session number.

    `forgotten` are keys of sessions that must not be heard any more.
    """

    session: Ints
    item: Ints
    at_ms: Moments
    keys: SessionKeys
    forgotten: SessionKeys = NO_KEYS


_NO_INTS: Ints = np.empty(0, dtype=np.int32)
NOTHING_FRESH = Fresh(_NO_INTS, _NO_INTS, NO_MOMENTS, NO_KEYS)


class Joined(NamedTuple):
    """Two indexes as one: sessions by number, those of the tail after those that were built.

    `tail_at` is, for each of the tail, the number of the oldest of the built ones that is newer. `gone` are those of both that
    count as not there. `rank` counts all others from the oldest; `alive` is how many there are. `held`: by item.
    """

    tail: SessionIndex
    tail_at: Ints
    gone: NDArray[np.bool_]
    rank: Moments
    alive: int
    held: Moments


def joined(built: SessionIndex, known: KnownKeys, fresh: Fresh) -> Joined:
    """The built sessions with what is fresh. What the built ones hold of a session counts up to its end, and what is fresh
    after it: events of that time that come late are known when sessions are built again.
    """
    rows, gone = _going_on(built.rows, known, fresh)
    tail = index_of(rows, len(built.first) - 1)
    tail_at = _places_among(built.rows, rows)
    return _bounded(built, tail, tail_at, gone)


def _going_on(built: SessionRows, known: KnownKeys, fresh: Fresh) -> tuple[SessionRows, Ints]:
    """The sessions of the tail, whole; and which of the built ones they are, or are forgotten."""
    at = np.where(np.isin(fresh.keys, fresh.forgotten), -1, known.places(fresh.keys))
    end_ms = np.where(at >= 0, built.ends_ms[at], -1) if len(built.ends_ms) else np.full(len(at), -1)
    later = fresh.at_ms > end_ms[fresh.session]
    session, item, at_ms = fresh.session[later], fresh.item[later], fresh.at_ms[later]
    has_rows = np.zeros(len(at), dtype=np.bool_)
    has_rows[session] = True
    going = np.flatnonzero(has_rows & (at >= 0))
    begun = at[going]
    taken = rows_within(built, begun)
    lengths = built.starts[begun + 1] - built.starts[begun]
    places = built.places[taken].astype(np.int64)
    # Only the order of a session's moments counts: one a millisecond before the other says as much as the true ones.
    before_ms = np.repeat(built.ends_ms[begun] - built.places[built.starts[begun + 1] - 1], lengths) + places
    rows = session_rows(
        np.concatenate([np.repeat(going, lengths), session]).astype(np.int32),
        np.concatenate([built.items[taken], item]),
        np.concatenate([before_ms, at_ms]).astype(np.int64),
        fresh.keys,
        all_of_them=True,  # or what is older than one that was cut here would take its room
    )
    forgotten = known.places(fresh.forgotten)
    return rows, np.concatenate([begun, forgotten[forgotten >= 0]])


def _places_among(built: SessionRows, tail: SessionRows) -> Ints:
    """By end, then by key, as `session_rows` orders them."""
    if not len(built.ends_ms):
        return np.full(len(tail.starts) - 1, len(built.starts) - 1, dtype=np.int32)
    low = np.searchsorted(built.ends_ms, tail.ends_ms, side="left")
    high = np.searchsorted(built.ends_ms, tail.ends_ms, side="right")
    for n in np.flatnonzero(low < high).tolist():  # two that end in the same millisecond are rare
        low[n] += np.searchsorted(built.keys[low[n] : high[n]], tail.keys[n])
    return low.astype(np.int32)


def _bounded(built: SessionIndex, tail: SessionIndex, tail_at: Ints, gone: Ints) -> Joined:
    """All of them by age, the newest `MAX_CLICKS` rows: what is older is gone as well."""
    n_built, n_tail = built.n_sessions, tail.n_sessions
    place = np.empty(n_built + n_tail, dtype=np.int64)
    place[:n_built] = np.arange(n_built)
    if n_tail:
        place[:n_built] += np.searchsorted(tail_at, np.arange(n_built), side="right")
        place[n_built:] = tail_at + np.arange(n_tail)
    lengths = np.concatenate([built.lengths(), tail.lengths()])
    lengths[gone] = 0
    by_age = np.empty(len(place), dtype=np.int64)
    by_age[place] = lengths
    alive = (by_age > 0) & (np.cumsum(by_age[::-1])[::-1] <= MAX_CLICKS)
    missing = ~alive[place]
    rank = (np.cumsum(alive) - 1)[place]
    held = built.held() + tail.held()
    numbers = np.flatnonzero(missing)
    for index, lost in ((built, numbers[numbers < n_built]), (tail, numbers[numbers >= n_built] - n_built)):
        rows = rows_within(index.rows, lost)
        held -= np.bincount(index.rows.items[rows[index.counted[rows]]], minlength=len(held))
    return Joined(tail, tail_at, missing, rank, int(alive.sum()), held)
