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
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.errors import InvalidArtifact
from rayce.session_index import KnownKeys, SessionIndex, index_of, widened
from rayce.session_kernel import compiled
from rayce.session_rows import MAX_PLACES, NO_KEYS, NO_MOMENTS, Ints, SessionRows
from rayce.session_tail import NOTHING_FRESH, Fresh, Joined, joined

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


class _View(NamedTuple):
    """What a question is answered from, as the kernel takes it; replaced as a whole when there is something new."""

    indexes: tuple[Any, ...]
    held: NDArray[np.int64]
    voices: tuple[_Voice, _Voice]
    room: tuple[Scores, NDArray[np.int16], Ints, Scores, Ints]
    scores: Scores
    found: Ints


class Sessions:
    """Sessions and, of each item, those that hold it. Has room for one query at a time: not to be shared among threads.

    What has come since may be added by another thread (`renew`): a question is answered from what was there when it was asked.
    """

    def __init__(self, rows: SessionRows, n_items: int, knobs: Knobs = KNOBS) -> None:
        """Of items 0 to `n_items`."""
        self.rows, self.knobs = rows, knobs
        self._built, self._known = index_of(rows, n_items), KnownKeys(rows.keys)
        self._short = np.diff(rows.starts) ** knobs.brevity
        self._spread = compiled()
        self.renew(NOTHING_FRESH)

    @property
    def until_ms(self) -> int:
        """When the last of the built ones was last touched; 0 where nobody knows."""
        return int(self.rows.ends_ms[-1]) if len(self.rows.ends_ms) else 0

    def renew(self, fresh: Fresh, n_items: int = 0) -> None:
        """From now on answers are those of sessions built of what was built and what is fresh; of nothing else that was ever
        fresh. Item numbers are those of the shelf, onto which items may have come since: then it has `n_items`.
        """
        self._built = widened(self._built, n_items)
        self._view = self._view_of(joined(self._built, self._known, fresh))

    def near(self, session: Sequence[int], count: int) -> Next:
        """At most `count` items that may come next in a session of these items, oldest first; equal scores go by number."""
        knobs, view = self.knobs, self._view
        lags: dict[int, int] = {}
        for lag, item in enumerate(reversed(session[-MAX_PLACES:])):
            if item < len(view.held):  # what came onto the shelf a moment ago is in none of them
                lags.setdefault(item, lag)
        asked = np.array(list(lags)[: knobs.asked], dtype=np.int32)
        ago = np.array(list(lags.values())[: knobs.asked], dtype=np.float64)
        weights = np.exp(-ago / knobs.fading) / view.held[asked] ** knobs.rarity
        view.found[: len(asked)] = asked
        view.scores[asked] = knobs.again * np.exp(-ago / knobs.again_fading)
        count_found = len(asked)
        for voice, heard in zip(view.voices, (len(asked), 1), strict=True):
            count_found = self._spread(
                *view.indexes,
                asked[:heard],
                weights[:heard],
                *voice,
                *view.room,
                view.scores,
                view.found,
                count_found,
            )
        items = view.found[:count_found].copy()
        scores = view.scores[items]
        view.scores[items] = 0.0
        return _best(items, scores, count)

    def to_bytes(self) -> bytes:
        """The file of a generation."""
        buffer = io.BytesIO()
        lengths = np.diff(self.rows.starts).astype(np.int16)
        _starts, items, places, ends_ms, keys = self.rows
        np.savez_compressed(buffer, lengths=lengths, items=items, places=places, ends_ms=ends_ms, keys=keys)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, n_items: int, knobs: Knobs = SERVING) -> "Sessions":
        """Inverse of `to_bytes`, for a shelf of `n_items`, to serve from; `InvalidArtifact` where damaged or not of it."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                lengths, items, places = stored["lengths"], stored["items"], stored["places"]
                ends_ms, keys = (stored.get(name, none) for name, none in _LATER)
            starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
            fits = len(items) == len(places) == starts[-1] and bool((lengths > 0).all())
            fits = fits and bool(((items >= 0) & (items < n_items)).all())
            fits = fits and len(ends_ms) == len(keys) and len(keys) in (0, len(lengths))
        except Exception as error:  # zip and numpy have a dozen kinds for damaged files
            raise InvalidArtifact(f"the sessions cannot be read: {error}", "sessions.npz", None) from None
        if not fits or [each.dtype for each in (items, places, ends_ms, keys)] != _KINDS:
            raise InvalidArtifact("the sessions do not speak of these items", "sessions.npz", n_items)
        return cls(SessionRows(starts, items, places, ends_ms, keys), n_items, knobs)

    def _view_of(self, all_of_it: Joined) -> _View:
        built, tail = self._built, all_of_it.tail
        n_sessions, n_items = len(all_of_it.gone), len(all_of_it.held)
        age = (all_of_it.alive - all_of_it.rank) / max(all_of_it.alive, 1)
        short = np.concatenate([self._short, tail.lengths() ** self.knobs.brevity])
        return _View(
            (*_arrays(built), *_arrays(tail), all_of_it.tail_at, all_of_it.gone),
            np.maximum(all_of_it.held, 1),
            _voices(self.knobs, age, short),
            (
                np.zeros(n_sessions),
                np.zeros(n_sessions, dtype=np.int16),
                np.zeros(n_sessions, dtype=np.int32),
                np.zeros(n_items),
                np.zeros(n_items, dtype=np.int32),
            ),
            np.zeros(n_items),
            np.zeros(n_items, dtype=np.int32),
        )


_LATER = (("ends_ms", NO_MOMENTS), ("keys", NO_KEYS))
"""What generations of earlier versions do not have."""
_KINDS = [np.int32, np.int16, np.int64, np.uint64]


def _arrays(index: SessionIndex) -> tuple[Any, ...]:
    rows = index.rows
    return rows.starts, rows.items, rows.places, index.first, index.sessions, index.matched


def _voices(knobs: Knobs, age: Scores, short: Scores) -> tuple[_Voice, _Voice]:
    distance = np.arange(REACH)
    return (
        _Voice(
            knobs.most,
            knobs.power,
            np.exp(-age / knobs.age) / short,
            np.exp(-distance / knobs.after),
            knobs.back * np.exp(-distance / knobs.before),
            knobs.itself,
            1.0,
        ),
        _Voice(
            knobs.last_most,
            1.0,
            np.ones(len(age)),
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
