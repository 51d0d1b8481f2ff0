"""The trees of a ranker as a compiled loop: two hundred rows in a tenth of LightGBM's own time, with the same scores.

numba is imported only when a kernel is made: the edge and the stream never pay for it. Compiled for one signature
when the first is made, so that no request waits for a compiler; kept nowhere, as a fifth of a second is not worth a file.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from rayce.trees import DE_BRUIJN, SLOT_SHIFT, Scores, Trees

_FACTOR, _SHIFT, _ALL, _ONE = np.uint64(DE_BRUIJN), np.uint64(SLOT_SHIFT), np.uint64(2**64 - 1), np.uint64(1)
_SIGNATURE = (
    "void(float64[:, ::1], int32[::1], float64[::1], uint64[::1], int32[::1], float64[:, ::1], "
    "uint64[::1], float64[::1])"
)
CHECKED_ROWS = 1_000


class TreeKernel:
    """Scores many rows. Safe to share among threads, and lets go of the interpreter while it scores."""

    def __init__(self, trees: Trees) -> None:
        """Takes half a second at the first of a process: numba is imported and compiles."""
        self._trees = trees
        self._add_up = _compiled()

    def score_many(self, rows: Scores) -> Scores:
        """Raw scores of rows × features, whatever the rows' layout in memory."""
        trees, values = self._trees, self._trees.columns(rows)
        scores = np.zeros(len(rows))
        left = np.empty(len(rows), dtype=np.uint64)
        self._add_up(values, trees.column, trees.threshold, trees.mask, trees.start, trees.leaf, left, scores)
        return scores

    def agrees(self, score_many: Callable[[Scores], Scores], features: int) -> bool:
        """Whether it gives the other's scores to the bit: on random rows, missing, zero and huge values, and on thresholds."""
        rows = _rows_that_tell(self._trees, features)
        return np.array_equal(self.score_many(rows), score_many(rows))


def _add_up(values: Any, column: Any, threshold: Any, mask: Any, start: Any, leaf: Any, left: Any, scores: Any) -> None:
    """Adds each tree's leaf to each row's score; `left` is room for a word a row. See `rayce.trees`.

    Rows are innermost: the compiler makes vector instructions of the comparison and the mask, eight rows at a time.
    """
    rows = values.shape[1]
    for tree in range(len(start) - 1):
        for row in range(rows):
            left[row] = _ALL
        for node in range(start[tree], start[tree + 1]):
            value, limit, kept = values[column[node]], threshold[node], mask[node]
            for row in range(rows):
                left[row] &= kept if value[row] > limit else _ALL
        slots = leaf[tree]
        for row in range(rows):
            lowest = left[row] & (~left[row] + _ONE)
            scores[row] += slots[(lowest * _FACTOR) >> _SHIFT]


@lru_cache(maxsize=1)
def _compiled() -> Any:
    import numba

    return numba.njit(_SIGNATURE, nogil=True)(_add_up)


def _rows_that_tell(trees: Trees, features: int) -> Scores:
    """Half of the values on one of their feature's thresholds or a hair beside it, a few odd ones, the rest anywhere."""
    chance = np.random.default_rng(0)
    rows = chance.normal(0, 100, (CHECKED_ROWS, features))
    near = rows.copy()
    for feature in range(features):
        thresholds = trees.threshold[(trees.feature[trees.column] == feature) & (np.abs(trees.threshold) < 1e308)]
        if len(thresholds):
            near[:, feature] = chance.choice(thresholds, CHECKED_ROWS)
    towards = chance.choice([-np.inf, np.nan, np.inf], rows.shape)
    near = np.where(np.isnan(towards), near, np.nextafter(near, towards))
    odd = chance.choice([np.nan, 0.0, -0.0, 1e-35, -1e-35, 1e-300, 1e300, -1e300, np.inf, -np.inf], rows.shape)
    kind = chance.random(rows.shape)
    return np.where(kind < 0.5, near, np.where(kind < 0.6, odd, rows))


def compiled_trees() -> Any:
    """The loop itself, for kernels that score within a loop of their own; its arguments are those of `_add_up`."""
    return _compiled()
