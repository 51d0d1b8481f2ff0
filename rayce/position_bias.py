"""How likely a place of a list is looked at, from what was shown and clicked: so that a click far down counts for more.

The position-based model P(click) = examined(place) × relevant(kind) (Craswell et al., WSDM 2008), fitted by alternating shares:
the Poisson pseudo-maximum likelihood of a product of two factors, consistent for any clicks of that mean (Gourieroux, Monfort &
Trognon, Econometrica 1984). What is equally relevant has to stand in different places: the kind of a shown item is its logged
score among the scores of its policy, in buckets; in the traffic of the policy `shuffle` chance alone has put it there, so all
of it is one kind. Where little is known the prior of a place, 1/√place, holds.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_PLACES = 20
"""Places from here on are taken for one."""
BUCKETS = 20
MIN_EXAMINED = 0.1
"""Clipped below: no click counts more than ten times as much as one at the top."""
PRIOR_CLICKS = 20.0
"""The prior of a place weighs as much as so many clicks there."""
PRIOR_SHOWN = 2.0
"""A kind's relevance leans on the mean as if it had been looked at so much more often."""
ROUNDS, ENOUGH = 500, 1e-6


class Shown(NamedTuple):
    """Shown items as columns: place from 0, kind (any numbers), and whether it was clicked (or more)."""

    place: NDArray[np.int64]
    kind: NDArray[np.int64]
    clicked: NDArray[np.bool_]


def examined(shown: Shown, places: int = MAX_PLACES) -> NDArray[np.float64]:
    """By place, how likely it is looked at, relative to the first; from `MIN_EXAMINED` to 1.

    >>> examined(Shown(np.zeros(0, int), np.zeros(0, int), np.zeros(0, bool)), 4).round(2).tolist()
    [1.0, 0.71, 0.58, 0.5]
    """
    prior = 1.0 / np.sqrt(np.arange(1, places + 1))
    place = np.minimum(shown.place, places - 1)
    _kinds, kind = np.unique(shown.kind, return_inverse=True)
    count = max(len(_kinds), 1)
    cell = place * count + kind
    times = np.bincount(cell, minlength=places * count).reshape(places, count).astype(np.float64)
    clicks = np.bincount(cell, shown.clicked, places * count).reshape(places, count)
    rate = (float(clicks.sum()) + 1.0) / (float(prior @ times.sum(axis=1)) + 1.0)
    looked = prior.copy()
    for _round in range(ROUNDS):
        relevant = (clicks.sum(axis=0) + PRIOR_SHOWN * rate) / (looked @ times + PRIOR_SHOWN)
        found = (clicks.sum(axis=1) + PRIOR_CLICKS * prior) / (times @ relevant + PRIOR_CLICKS)
        found, former = found / found[0], looked
        looked = found
        if float(np.abs(looked - former).max()) < ENOUGH:
            break
    clipped: NDArray[np.float64] = np.clip(looked, MIN_EXAMINED, 1.0)
    return clipped


def kinds(scores: Sequence[float], policies: Sequence[str], shuffled: Sequence[bool]) -> NDArray[np.int64]:
    """By shown item, its kind: the bucket of its score among those of its policy; one kind of a policy that shuffles."""
    found = np.zeros(len(scores), dtype=np.int64)
    values, names = np.asarray(scores, dtype=np.float64), np.asarray(policies)
    by_chance = np.asarray(shuffled, dtype=np.bool_)
    for n, policy in enumerate(sorted(set(policies))):
        own = np.flatnonzero(names == policy)
        edges = np.unique(np.quantile(values[own], np.linspace(0, 1, BUCKETS + 1)[1:-1]))
        bucket = np.searchsorted(edges, values[own], side="right")
        found[own] = n * (BUCKETS + 1) + np.where(by_chance[own], 0, bucket)
    return found
