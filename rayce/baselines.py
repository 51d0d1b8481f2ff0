"""Baselines: orders that any ranking model has to beat, to be run beside it in the same traffic."""

from collections.abc import Callable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from rayce.model_routing import NOOP, SHUFFLE
from rayce.ranking import RANKING_FEATURES, Matrix

Scores = NDArray[np.float64]


class Baseline:
    """A `Ranker` that looks at no feature."""

    features = RANKING_FEATURES

    def __init__(self, score: Callable[[Matrix], Scores]) -> None:
        self._score = score

    def score_many(self, rows: Matrix) -> Scores:
        """See `Ranker`."""
        return self._score(rows)


def in_order(rows: Matrix) -> Scores:
    """The candidates' own order, which is that of trust in their sources."""
    return -np.arange(len(rows), dtype=np.float64)


def by_chance(rows: Matrix) -> Scores:
    """Any order; the same question gets the same one again, however many others are asked beside it."""
    digest = blake2b(np.ascontiguousarray(rows).tobytes(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "big")).random(len(rows))


BASELINES = {NOOP: Baseline(in_order), SHUFFLE: Baseline(by_chance)}
"""By the name that routing knows them by."""
