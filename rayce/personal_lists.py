"""A person's precomputed list: what they will want in the coming weeks, from their own history and the shelf.

Each part is an estimate of the same thing, the share of the person's next baskets that hold the product, so they add up:

- habit: how often the product was in their recent baskets (decayed purchases over decayed baskets);
- affinity: what goes with those habits;
- taste: their share of a group of products, shared out within the group by popularity;
- popularity: the same for everybody.
"""

from math import exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rayce.fold import BOUGHT_HALF_LIFE_MS, TOUCHED_HALF_LIFE_MS
from rayce.precomputed import List
from rayce.profile import Profile
from rayce.shelf import NOTHING, Shelf

LENGTH = 100
MAX_ANCHORS = 40
"""The strongest habits, whose neighbours are looked up."""
RECENT=0.5
PRIOR=1.0
HABIT, AFFINITY, TASTE, POPULAR, TOUCHED = 1.0, 0.05, 0.6, 0.2, 0.02
SINGLE_PURCHASE = 0.3
"""One purchase alone says less than its count: it may have been chance."""
"""Weights of the parts."""

Scores = NDArray[np.float64]


class ListMaker:
    """Makes lists from one shelf. What is the same for everybody is computed once."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        per_group = np.bincount(shelf.group, shelf.popularity, len(shelf.groups))
        self._share_of_group = shelf.popularity / np.maximum(per_group[shelf.group], 1.0)
        self._popular = shelf.popularity / max(float(shelf.popularity.sum()), 1.0)

    def make(self, profile: Profile, now_ms: int, length: int = LENGTH) -> List:
        """The person's list as of `now_ms`, best first; only what is available and has a score."""
        scores = self.scores(profile, now_ms)
        best = np.argpartition(-scores, min(length, len(scores) - 1))[:length]
        best = best[np.lexsort((best, -scores[best]))]
        ids = self._shelf.ids
        return [(ids[n], round(float(scores[n]), 5)) for n in best.tolist() if scores[n] > 0]

    def scores(self, profile: Profile, now_ms: int) -> Scores:
        """One score for each item of the shelf; 0 for what is not available."""
        shelf = self._shelf
        baskets = decayed_baskets(profile, now_ms)
        size = basket_size(profile)
        own = [(shelf.number[i], had) for i, had in profile.bought.items() if i in shelf.number]
        items = np.array([n for n, _had in own], dtype=np.int64)
        count = np.array([had.count for _n, had in own], dtype=np.float64)
        weight = np.array([_decayed(had.weight, had.last_ms, now_ms, BOUGHT_HALF_LIFE_MS) for _n, had in own])
        habit = RECENT * weight / (baskets+PRIOR) + (1-RECENT) * count / (profile.baskets+PRIOR)
        taste = np.bincount(shelf.group[items], habit, len(shelf.groups))
        scores = POPULAR * size * self._popular
        scores += TASTE * taste[shelf.group] * self._share_of_group
        strongest = np.argsort(-habit, kind="stable")[:MAX_ANCHORS]
        near, score = shelf.neighbours[items[strongest]], shelf.neighbour_scores[items[strongest]]
        known = near != NOTHING
        np.add.at(scores, near[known], AFFINITY * (score * habit[strongest, None])[known])
        scores[items] += HABIT * habit * np.where(count > 1, 1.0, SINGLE_PURCHASE)
        scores[~shelf.available] = 0.0
        return scores


def decayed_baskets(profile: Profile, now_ms: int) -> float:
    """The person's baskets, each halved for every half-life since, taken as spread evenly from first to last.

    >>> round(decayed_baskets(Profile(baskets=10, first_purchase_ms=1, last_purchase_ms=1), 1), 3)
    10.0
    """
    rate = log(2) / BOUGHT_HALF_LIFE_MS
    span = max(profile.last_purchase_ms - profile.first_purchase_ms, 1) * rate
    since = max(now_ms - profile.last_purchase_ms, 0) * rate
    return profile.baskets * (1 - exp(-span)) / span * exp(-since)


def basket_size(profile: Profile) -> float:
    """Products in a basket of this person, roughly; 10 for one who never bought."""
    return 10.0


def _decayed(weight: float, at_ms: int, now_ms: int, half_life_ms: int) -> float:
    return weight * 2.0 ** (min(0, at_ms - now_ms) / half_life_ms)
