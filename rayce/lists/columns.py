"""What everybody's purchases say of each product: how many want it, lately and of late more, and how it is bought again.

Counts people, not purchases: who buys one thing daily makes it no more popular. Computed at once from columns.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rayce.decay import DAY_MS
from rayce.interactions import Interactions

ITEM_COLUMNS = (
    "people",
    "people_28",
    "people_14",
    "people_7",
    "people_3",
    "new_28",
    "new_10",
    "new_4",
    "trend",
    "season",
    "repeat",
    "loyal",
    "again",
    "fresh",
    "rhythm",
)
"""The columns, in the order of the parts. `people`: who ever bought it, and with each halved by the days since they last did;
`new`: the same by the days since they first did. `repeat`: the share of its buyers who bought it again; `loyal`: purchases a
buyer; `again`: of those who had bought it four weeks ago, who have since; `fresh`: of the others; `rhythm`: days between
purchases.
"""
LATELY_MS = 28 * DAY_MS
USUAL_DAYS = 60.0
"""The rhythm of a product of which too few people have shown one."""
MIN_RHYTHMS = 5

Column = NDArray[np.float64]


class Pairs:
    """One row for each person and product that they bought: purchases, first and last moment."""

    def __init__(self, purchases: Interactions, n_items: int) -> None:
        key = purchases.person.astype(np.int64) * n_items + purchases.item
        order = np.argsort(key, kind="stable")
        key, at_ms = key[order], purchases.at_ms[order]
        begins = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.empty(0, dtype=np.int64)
        self.person = (key[begins] // n_items).astype(np.int32)
        self.item = (key[begins] % n_items).astype(np.int32)
        self.count = np.diff(np.r_[begins, len(key)])
        self.first_ms = np.minimum.reduceat(at_ms, begins) if len(begins) else at_ms
        self.last_ms = np.maximum.reduceat(at_ms, begins) if len(begins) else at_ms
        self.purchase = np.repeat(np.arange(len(begins)), self.count)
        """By purchase, in order, which pair it belongs to; `at_ms` is when it was."""
        self.at_ms = at_ms

    def summed(self, by_purchase: Column) -> Column:
        """The sum of a value of each purchase by pair."""
        return np.bincount(self.purchase, by_purchase, len(self.count)).astype(np.float64)


def item_columns(pairs: Pairs, n_items: int, people: int, until_ms: int) -> Column:
    """Items × `ITEM_COLUMNS`, as of `until_ms`."""
    found = _columns(pairs, n_items, people, until_ms)
    return np.stack([found[name] for name in ITEM_COLUMNS], axis=1)


def _columns(pairs: Pairs, n_items: int, people: int, until_ms: int) -> Mapping[str, Column]:
    item = pairs.item
    last_days, first_days = (np.maximum(until_ms - at_ms, 0) / DAY_MS for at_ms in (pairs.last_ms, pairs.first_ms))
    ever = np.bincount(item, minlength=n_items).astype(np.float64)
    lately = {days: np.bincount(item, 2.0 ** (-last_days / days), n_items) for days in (28, 14, 7, 3)}
    new = {days: np.bincount(item, 2.0 ** (-first_days / days), n_items) for days in (28, 10, 4)}
    before, since = pairs.first_ms < until_ms - LATELY_MS, pairs.last_ms >= until_ms - LATELY_MS
    had = np.bincount(item[before], minlength=n_items)
    both = np.bincount(item[before & since], minlength=n_items)
    newly = np.bincount(item[~before], minlength=n_items)
    return {
        "people": ever,
        **{f"people_{days}": values for days, values in lately.items()},
        **{f"new_{days}": values for days, values in new.items()},
        "trend": lately[7] / (lately[28] + 5.0),
        "season": lately[28] / (ever + 5.0),
        "repeat": (np.bincount(item[pairs.count > 1], minlength=n_items) + 1.0) / (ever + 5.0),
        "loyal": np.bincount(item, pairs.count, n_items) / (ever + 3.0),
        "again": (both + 1.0) / (had + 10.0),
        "fresh": (newly + 0.1) / (max(people, 1) - had + 1.0),
        "rhythm": _rhythm(pairs, n_items),
    }


def _rhythm(pairs: Pairs, n_items: int) -> Column:
    """The median over the people who bought it three times of their mean days between two purchases."""
    regular = pairs.count > 2
    days = (pairs.last_ms - pairs.first_ms)[regular] / DAY_MS / (pairs.count[regular] - 1)
    item = pairs.item[regular]
    order = np.lexsort((days, item))
    count = np.bincount(item, minlength=n_items)
    middle = np.cumsum(count) - count + (count - 1) // 2
    found = np.full(n_items, USUAL_DAYS)
    enough = count >= MIN_RHYTHMS
    found[enough] = days[order][middle[enough]]
    return found
