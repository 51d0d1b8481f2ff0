"""Sessions as rows: of one row for each product of each event to sessions by age, bounded in length and number."""

from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_CLICKS = 1_000_000
"""Of a longer history the latest sessions are kept."""
MAX_PLACES = 200
"""Of a longer session the latest rows are kept."""

Ints = NDArray[np.int32]
SessionKeys = NDArray[np.uint64]
NO_KEYS: SessionKeys = np.empty(0, dtype=np.uint64)
NO_MOMENTS: NDArray[np.int64] = np.empty(0, dtype=np.int64)


class SessionRows(NamedTuple):
    """Session n, the longest ago first, has the rows `starts[n]` to `starts[n + 1]`.

    `places` count the events of the session: items of one event have one place, as what lies in one basket has no order.
    `ends_ms` is when each session was last touched, `keys` tell which it is (`session_key`): both are empty where nobody knows,
    and then what comes later cannot go on with them.
    """

    starts: NDArray[np.int64]
    items: Ints
    places: NDArray[np.int16]
    ends_ms: NDArray[np.int64] = NO_MOMENTS
    keys: SessionKeys = NO_KEYS


def session_key(person: str, session: str) -> int:
    """Eight bytes that tell a person's session apart from all others, and nothing of the person to who has no log.

    `session` is the event's session, or the event's id where it has none.
    """
    return int.from_bytes(blake2b(f"{person}\n{session}".encode(), digest_size=8).digest(), "big")


def session_rows(
    session: Ints, item: Ints, at_ms: NDArray[np.int64], keys: SessionKeys = NO_KEYS, all_of_them: bool = False
) -> SessionRows:
    """The rows of `rayce.interactions`, in any order; sessions of one row tell nothing and are left out.

    Of two sessions that end in the same millisecond the one with the smaller of `keys` (by session number) counts as older, so
    that it does not matter in which order people were met; without keys the one with the smaller number. `all_of_them`: however
    many there are.
    """
    order = np.lexsort((item, at_ms, session))
    session, item, at_ms = session[order], item[order], at_ms[order]
    ends = np.flatnonzero(np.diff(session, append=-1) != 0) + 1
    lengths = np.diff(ends, prepend=0)
    kept = np.minimum(lengths, MAX_PLACES)
    key = keys[session[ends - 1]] if len(keys) else NO_KEYS
    by_end = np.lexsort((key if len(keys) else ends, at_ms[ends - 1]))
    by_end = by_end[lengths[by_end] > 1]
    if not all_of_them:
        by_end = by_end[np.cumsum(kept[by_end][::-1])[::-1] <= MAX_CLICKS]
    ends, kept = ends[by_end], kept[by_end]
    starts = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
    rows = np.arange(starts[-1]) + np.repeat(ends - kept - starts[:-1], kept)
    step = np.concatenate([[0], np.cumsum(np.diff(at_ms) != 0)])
    places = step[rows] - np.repeat(step[ends - kept], kept)
    key = key[by_end] if len(keys) else NO_KEYS
    return SessionRows(starts, item[rows].astype(np.int32), places.astype(np.int16), at_ms[ends - 1], key)
