"""Scores and lists of a block of people, compiled: the kernel's candidates, weighed by trees or fixed weights, best first."""

from functools import lru_cache
from math import exp
from typing import Any

import numpy as np

from rayce.lists.parts import PARTS
from rayce.tree_kernel import compiled_trees

_COUNT, _DAYS_SINCE = PARTS.index("count"), PARTS.index("days_since")


@lru_cache(maxsize=1)
def compiled_block() -> Any:
    """`block(start, item, at_ms, bought, weight, tables, expected, now_ms, room, blend, again_days, new, items, scores)`.

    Fills the rows of `items` (padded by -1) and `scores`, one for each person, best first. `expected` is people × items, or
    people × 0 where nothing is said of it. `again_days` is by item: how long
    what was bought stays away; `new`: only what they never bought. A tree's sum becomes a likelihood.
    """
    import numba

    from rayce.lists.kernel import candidates

    add_up, bought_times, days_since = compiled_trees(), _COUNT, _DAYS_SINCE

    @numba.njit(nogil=True)
    def score(rows: Any, count: int, blend: Any) -> Any:
        scores = np.zeros(count)
        if len(blend.start) < 2:
            for part in range(len(blend.fixed)):
                if blend.fixed[part] != 0.0:
                    for c in range(count):
                        scores[c] += blend.fixed[part] * rows[part, c]
            return scores
        values = np.empty((len(blend.feature), count))
        for column in range(len(blend.feature)):
            ceiling = blend.ceiling[column]
            for c in range(count):
                values[column, c] = min(rows[blend.feature[column], c], ceiling)
        left = np.empty(count, dtype=np.uint64)
        add_up(values, blend.column, blend.threshold, blend.mask, blend.start, blend.leaf, left, scores)
        for c in range(count):
            scores[c] = 1.0 / (1.0 + exp(-scores[c]))
        return scores

    @numba.njit(nogil=True)
    def block(
        start: Any,
        item: Any,
        at_ms: Any,
        bought: Any,
        weight: Any,
        tables: Any,
        expected: Any,
        now_ms: int,
        room: Any,
        blend: Any,
        again_days: Any,
        new: bool,
        items: Any,
        scores: Any,
    ) -> None:
        found, rows, length = room.found, room.rows, items.shape[1]
        for person in range(len(start) - 1):
            a, b = start[person], start[person + 1]
            count = candidates(item[a:b], at_ms[a:b], bought[a:b], weight[a:b], tables, expected[person], now_ms, room)
            scored = score(rows, count, blend)
            for c in range(count):
                again = rows[bought_times, c] > 0.0
                if again and (new or rows[days_since, c] < again_days[found[c]]):
                    scored[c] = 0.0
            order = np.argsort(-scored, kind="mergesort")
            for place in range(length):
                if place < count and scored[order[place]] > 0.0:
                    items[person, place] = found[order[place]]
                    scores[person, place] = scored[order[place]]
                else:
                    items[person, place] = -1
                    scores[person, place] = 0.0

    return block
