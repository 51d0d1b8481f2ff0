"""What comes next in sessions like this one: nearest neighbours among the recent sessions.

VMIS-kNN (Kersbergen, Sprangers & Schelter, "Serenade", SIGMOD 2022, section 3) keeps, of each item, the most recent sessions
that hold it, so that a query touches a bounded number of them however long the history is. Sessions are alike by the items they
share, which count the less the longer ago they were touched (VSKNN: Ludewig & Jannach, UMUAI 2018, 4.1.2) and the more sessions
hold them. A neighbour tells of its items by their distance from the shared one touched last (STAN: Garg et al., SIGIR 2019,
3.3). To this come two smaller voices that say more of the very next step: what the last item alone is followed by (sequential
rules: Ludewig & Jannach, 4.1.1), and what is in the session itself, to which people go back.

The compiled loop is in `rayce.session_kernel`.
"""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.errors import InvalidArtifact
from rayce.session_kernel import compiled
from rayce.session_rows import MAX_PLACES, Ints, SessionRows

Scores = NDArray[np.float64]

REACH = 64
"""Distances beyond are as this one."""


class Knobs(NamedTuple):
    """How neighbours are weighed; the values were chosen on the last twelfth of the training part of YooChoose 1/64.

    `asked` items of the session, each by `exp(-lag / fading)` and by its number of sessions to the power of `-rarity`; at most
    `most` sessions of each. A session's likeness to the power of `power`, by its age (as a share of the history's length) and
    by its length to the power of `-brevity`. Items after the shared one fade over `after` places, those before it over
    `before`, beginning at `back`; the shared one itself counts `itself`. `last` is the share of what follows the last item
    alone, with fades of its own, `again` that of the session's own items, fading over `again_fading`.
    """

    asked: int = 20
    most: int = 1_000
    fading: float = 2.57
    rarity: float = 0.627
    power: float = 1.715
    age: float = 0.916
    brevity: float = 0.371
    after: float = 1.883
    back: float = 0.6
    before: float = 0.914
    itself: float = 0.241
    last: float = 0.509
    last_most: int = 500
    last_after: float = 1.0
    last_back: float = 0.3
    last_before: float = 0.588
    again: float = 0.033
    again_fading: float = 2.0


KNOBS = Knobs()
SERVING = KNOBS._replace(asked=10, most=500)
"""Two thirds of the time for as many hits (71.8 % at twenty) and a little lower ranks (MRR 32.5 instead of 32.7 %), on 8,000
questions of the end of YooChoose's training part."""


class Next(NamedTuple):
    """Item numbers, best first, and their scores."""

    items: Ints
    scores: Scores


class _Voice(NamedTuple):
    """One way of asking the neighbours, as the kernel takes it: see `Knobs`."""

    most: int
    power: float
    worth: Scores
    after: Scores
    before: Scores
    itself: float
    share: float


class Sessions:
    """Sessions and, of each item, those that hold it. Has room for one query at a time: not to be shared among threads."""

    def __init__(self, rows: SessionRows, n_items: int, knobs: Knobs = KNOBS) -> None:
        """Of items 0 to `n_items`."""
        self.rows, self.knobs = rows, knobs
        n_sessions = len(rows.starts) - 1
        owner = np.repeat(np.arange(n_sessions, dtype=np.int32), np.diff(rows.starts))
        order = np.lexsort((-rows.places.astype(np.int32), -owner, rows.items))
        item, holder = rows.items[order], owner[order]
        last = np.ones(
            len(order), dtype=np.bool_
        )  # of an item that is in a session more than once its last place counts
        last[1:] = (item[1:] != item[:-1]) | (holder[1:] != holder[:-1])
        first = np.searchsorted(item[last], np.arange(n_items + 1)).astype(np.int64)
        self._index = (rows.starts, rows.items, rows.places, first, holder[last], rows.places[order][last])
        self._held = np.maximum(np.diff(first), 1)
        self._voices = _voices(rows, knobs)
        self._of_sessions = (
            np.zeros(n_sessions),
            np.zeros(n_sessions, dtype=np.int16),
            np.zeros(n_sessions, dtype=np.int32),
        )
        self._of_items = np.zeros(n_items), np.zeros(n_items, dtype=np.int32)
        self._scores, self._found = np.zeros(n_items), np.zeros(n_items, dtype=np.int32)
        self._spread = compiled()

    def near(self, session: Sequence[int], count: int) -> Next:
        """At most `count` items that may come next in a session of these items, oldest first; equal scores go by number."""
        knobs = self.knobs
        lags: dict[int, int] = {}
        for lag, item in enumerate(reversed(session[-MAX_PLACES:])):
            lags.setdefault(item, lag)
        asked = np.array(list(lags)[: knobs.asked], dtype=np.int32)
        ago = np.array(list(lags.values())[: knobs.asked], dtype=np.float64)
        weights = np.exp(-ago / knobs.fading) / self._held[asked] ** knobs.rarity
        self._found[: len(asked)] = asked
        self._scores[asked] = knobs.again * np.exp(-ago / knobs.again_fading)
        count_found = len(asked)
        for voice, heard in zip(self._voices, (len(asked), 1), strict=True):
            count_found = self._spread(
                *self._index,
                asked[:heard],
                weights[:heard],
                *voice,
                *self._of_sessions,
                *self._of_items,
                self._scores,
                self._found,
                count_found,
            )
        items = self._found[:count_found].copy()
        scores = self._scores[items]
        self._scores[items] = 0.0
        return _best(items, scores, count)

    def to_bytes(self) -> bytes:
        """The file of a generation."""
        buffer = io.BytesIO()
        lengths = np.diff(self.rows.starts).astype(np.int16)
        np.savez_compressed(buffer, lengths=lengths, items=self.rows.items, places=self.rows.places)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, n_items: int, knobs: Knobs = SERVING) -> "Sessions":
        """Inverse of `to_bytes`, for a shelf of `n_items`, to serve from; `InvalidArtifact` where damaged or not of it."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                lengths, items, places = stored["lengths"], stored["items"], stored["places"]
            starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
            fits = len(items) == len(places) == starts[-1] and bool((lengths > 0).all())
            fits = fits and bool(((items >= 0) & (items < n_items)).all())
        except Exception as error:  # zip and numpy have a dozen kinds for damaged files
            raise InvalidArtifact(f"the sessions cannot be read: {error}", "sessions.npz", None) from None
        if not fits or (items.dtype, places.dtype) != (np.int32, np.int16):
            raise InvalidArtifact("the sessions do not speak of these items", "sessions.npz", n_items)
        return cls(SessionRows(starts, items, places), n_items, knobs)


def _voices(rows: SessionRows, knobs: Knobs) -> tuple[_Voice, _Voice]:
    n_sessions, distance = len(rows.starts) - 1, np.arange(REACH)
    age = np.arange(n_sessions, 0, -1) / max(n_sessions, 1)
    return (
        _Voice(
            knobs.most,
            knobs.power,
            np.exp(-age / knobs.age) / np.diff(rows.starts) ** knobs.brevity,
            np.exp(-distance / knobs.after),
            knobs.back * np.exp(-distance / knobs.before),
            knobs.itself,
            1.0,
        ),
        _Voice(
            knobs.last_most,
            1.0,
            np.ones(n_sessions),
            np.exp(-distance / knobs.last_after),
            knobs.last_back * np.exp(-distance / knobs.last_before),
            0.0,
            knobs.last,
        ),
    )


def _best(items: Ints, scores: Scores, count: int) -> Next:
    if len(items) > count:
        good = scores >= np.partition(scores, len(scores) - count)[len(scores) - count]
        items, scores = items[good], scores[good]
    order = np.lexsort((items, -scores))[:count]
    return Next(items[order], scores[order])
