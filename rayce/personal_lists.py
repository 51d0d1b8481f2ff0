"""A person's precomputed list: what they will want in the coming weeks, from their own history and the shelf.

Every part estimates the same thing, the share of the person's next baskets that hold the product, so the parts add up:

- habit: in how many of their baskets it was, half by all of them, half by the recent ones;
- taste: what their habits amount to in a group of products, shared out within the group by popularity;
- affinity: what goes with their habits and with what they looked at;
- popularity: the same for everybody.

The weights were fitted on the Complete Journey data (weeks 45-48, known until week 44): the lists keep for weeks.
"""

from collections.abc import Iterable, Iterator
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from rayce.features.purchases import BOUGHT_HALF_LIFE_MS
from rayce.features.session import TOUCHED_HALF_LIFE_MS
from rayce.precomputed import List, encode_list
from rayce.profile import Profile
from rayce.shelf import NOTHING, Shelf

LENGTH = 100
MAX_ANCHORS = 40
"""The strongest habits, whose neighbours are looked up."""

HABIT, TASTE, AFFINITY, POPULARITY = 1.0, 0.6, 0.03, 2.0
RECENT = 0.5
"""How much of a habit is told by the recent baskets."""
PRIOR_BASKETS = 3.0
"""Baskets without the product that are added to everybody's: a few baskets make no habit."""
ONCE = 0.5
"""A product bought once only counts so much: it may have been chance."""
LOOKED = 0.05
"""One look is worth so much of a habit as an anchor."""

Scores = NDArray[np.float64]


class ListMaker:
    """Makes lists from one shelf. What is the same for everybody is computed once."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        of_group = np.bincount(shelf.group, shelf.popularity, len(shelf.groups))
        self._share_of_group = shelf.popularity / np.maximum(of_group[shelf.group], 1.0)
        self._share_of_all = shelf.popularity / max(float(shelf.popularity.sum()), 1.0)

    def make(self, profile: Profile, now_ms: int, length: int = LENGTH) -> List:
        """The person's list as of `now_ms`, best first; only what is available and has a score."""
        scores = self.scores(profile, now_ms)
        best = np.argpartition(-scores, length)[:length] if len(scores) > length else np.arange(len(scores))
        best = best[np.lexsort((best, -scores[best]))]
        return [(self._shelf.ids[n], round(float(scores[n]), 5)) for n in best.tolist() if scores[n] > 0]

    def scores(self, profile: Profile, now_ms: int) -> Scores:
        """One score for each item of the shelf; 0 for what is not available."""
        shelf = self._shelf
        items, habit = self._habits(profile, now_ms)
        scores: Scores = POPULARITY * self._share_of_all.astype(np.float64)
        scores += TASTE * np.bincount(shelf.group[items], habit, len(shelf.groups))[shelf.group] * self._share_of_group
        scores[items] += HABIT * habit
        strongest = np.argsort(-habit, kind="stable")[:MAX_ANCHORS]
        looked, interest = self._looked(profile, now_ms)
        anchors = np.concatenate([items[strongest], looked])
        weights = np.concatenate([habit[strongest], interest])
        near = shelf.neighbours[anchors]
        known = near != NOTHING
        np.add.at(scores, near[known], AFFINITY * (shelf.neighbour_scores[anchors] * weights[:, None])[known])
        scores[~shelf.available] = 0.0
        return scores

    def _habits(self, profile: Profile, now_ms: int) -> tuple[NDArray[np.int64], Scores]:
        """Item numbers of what was bought, and how much of a habit each is (0 to about 1)."""
        own = [(n, had) for item, had in profile.bought.items() if (n := self._shelf.number.get(item)) is not None]
        count = np.array([had.count for _n, had in own], dtype=np.float64)
        weight = np.array([had.weight for _n, had in own], dtype=np.float64)
        last_ms = np.array([had.last_ms for _n, had in own], dtype=np.float64)
        weight *= 2.0 ** (np.minimum(last_ms - now_ms, 0) / BOUGHT_HALF_LIFE_MS)
        recently = weight / (decayed_baskets(profile, now_ms) + PRIOR_BASKETS)
        ever = count / (profile.baskets + PRIOR_BASKETS)
        habit = (RECENT * recently + (1 - RECENT) * ever) * np.where(count > 1, 1.0, ONCE)
        return np.array([n for n, _had in own], dtype=np.int64), habit

    def _looked(self, profile: Profile, now_ms: int) -> tuple[NDArray[np.int64], Scores]:
        """Item numbers of what was looked at, and what each is worth as an anchor."""
        seen = [(n, at, w) for i, (at, w) in profile.touched.items() if (n := self._shelf.number.get(i)) is not None]
        interest = [LOOKED * w * 2.0 ** (min(0, at - now_ms) / TOUCHED_HALF_LIFE_MS) for _n, at, w in seen]
        return np.array([n for n, _at, _w in seen], dtype=np.int64), np.array(interest, dtype=np.float64)


def encoded_lists(shelf: Shelf, people: Iterable[tuple[str, Profile]], now_ms: int) -> Iterator[tuple[str, bytes]]:
    """Each person's list as of `now_ms`, as stored; people in the order given."""
    maker = ListMaker(shelf)
    return ((person, encode_list(maker.make(profile, now_ms))) for person, profile in people)


def decayed_baskets(profile: Profile, now_ms: int) -> float:
    """The person's baskets, each halved for every half-life it lies back, taken as spread evenly from first to last.

    >>> round(decayed_baskets(Profile(baskets=10, first_purchase_ms=1, last_purchase_ms=1), 1), 3)
    10.0
    """
    rate = log(2) / BOUGHT_HALF_LIFE_MS
    span = max(profile.last_purchase_ms - profile.first_purchase_ms, 1) * rate
    since = max(now_ms - profile.last_purchase_ms, 0) * rate
    return profile.baskets * (1 - exp(-span)) / span * exp(-since)
