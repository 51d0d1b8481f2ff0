"""What follows what, within a session and from one to the next: sequential rules with time decay.

A product counts for each of those before it, 1/d for d events between them (sequential rules: Ludewig & Jannach, "Evaluation
of session-based recommendation algorithms", UMUAI 2018, 4.1.1), less the longer ago it was, and less from one session to the
next, by the time that lay between. What lies in one basket has no order: it says nothing here. Sums are taken as a cosine,
shrunk. Memory is bounded: the rows of a block of items at a time. Sums are of whole numbers, so that they are the same in
whichever order people are met.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rayce.affinities.tables import Table
from rayce.decay import DAY_MS
from rayce.shelf import Ints

FOLLOWING = 20
REACH = 10
"""So many rows after an event are looked at."""
AGE_HALF_LIFE_MS = 90 * DAY_MS
GAP_HALF_LIFE_MS = 7 * DAY_MS
ACROSS = 0.5
"""What comes in a later session counts so much, at no gap at all."""
SHRINKAGE = 3.0
LEAST = 0.25
"""Less than this much of following is chance."""
ROWS_AT_ONCE = 500_000

_PARTS = float(1 << 20)
"""Weights are counted in so many parts of 1: sums stay exact up to eight thousand million."""
_MOST = sum(1.0 / d for d in range(1, REACH + 1))


class Walk(NamedTuple):
    """Rows of history in each person's order: `event` numbers the events, `after` is the first row of the next one."""

    person: Ints
    session: Ints
    item: Ints
    at_ms: NDArray[np.int64]
    event: Ints
    after: NDArray[np.int64]


def walk_of(person: Ints, session: Ints, item: Ints, at_ms: NDArray[np.int64]) -> Walk:
    """The rows, in any order; those of one event come in an order that says nothing."""
    shuffled = _hashed(item, at_ms)
    order = np.lexsort((shuffled, session, at_ms, person))
    person, session, item, at_ms = person[order], session[order], item[order], at_ms[order]
    begins = np.ones(len(order), dtype=np.bool_)
    begins[1:] = (np.diff(person) != 0) | (np.diff(session) != 0) | (np.diff(at_ms) != 0)
    event = (np.cumsum(begins) - 1).astype(np.int32)
    starts = np.append(np.flatnonzero(begins), len(order))
    return Walk(person, session, item, at_ms, event, starts[event + 1])


def following(walk: Walk, n_items: int, until_ms: int, count: int = FOLLOWING) -> Table:
    """n_items × `count` items that come after it, best first, with scores in (0, 1]; as of `until_ms`."""
    found = Table.empty(n_items, count)
    fresh = 2.0 ** (np.minimum(walk.at_ms - until_ms, 0) / AGE_HALF_LIFE_MS)
    mass = np.bincount(walk.item, np.rint(fresh * _PARTS), n_items) / _PARTS
    rows = np.argsort(walk.item, kind="stable")
    starts = np.searchsorted(walk.item[rows], np.arange(n_items + 1))
    first = 0
    while first < n_items:
        last = max(first + 1, int(np.searchsorted(starts, starts[first] + ROWS_AT_ONCE, side="right")) - 1)
        last = min(last, n_items)
        sums = _sums(walk, fresh, rows[starts[first] : starts[last]], first, last, n_items)
        for row in range(last - first):
            part = slice(sums.indptr[row], sums.indptr[row + 1])
            others, weight = sums.indices[part].astype(np.int32), sums.data[part] / _PARTS
            good = weight >= LEAST
            others, weight = others[good], weight[good]
            alone = np.maximum(np.sqrt(mass[first + row] * mass[others]) * _MOST, weight)
            found.put(first + row, others, weight / alone * (weight / (weight + SHRINKAGE)))
        first = last
    return found


def _sums(
    walk: Walk, fresh: NDArray[np.float64], rows: NDArray[np.intp], first: int, last: int, n_items: int
) -> sparse.csr_array:
    """Of the items `first` to `last`, whose rows these are: how much each other item has followed."""
    anchors, followers, weights = [], [], []
    for step in range(REACH):
        later = walk.after[rows] + step
        inside = later < len(walk.item)
        here, later = rows[inside], later[inside]
        same = (walk.person[here] == walk.person[later]) & (walk.item[here] != walk.item[later])
        here, later = here[same], later[same]
        weight = fresh[later] / (walk.event[later] - walk.event[here])
        gap_ms = walk.at_ms[later] - walk.at_ms[here]
        across = walk.session[here] != walk.session[later]
        weight[across] *= ACROSS * 2.0 ** (-gap_ms[across] / GAP_HALF_LIFE_MS)
        anchors.append(walk.item[here] - first)
        followers.append(walk.item[later])
        weights.append(np.rint(weight * _PARTS))
    pairs = (np.concatenate(weights), (np.concatenate(anchors), np.concatenate(followers)))
    sums = sparse.csr_array(pairs, shape=(last - first, n_items))
    sums.sum_duplicates()
    return sums


def _hashed(item: Ints, at_ms: NDArray[np.int64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea & Flood, OOPSLA 2014) of both."""
    mixed = item.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + at_ms.astype(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
