"""The sequence recommender: ranks what a person does not have yet, by what was learnt (`rayce.sequence.learning`)."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from rayce.sequence import blend
from rayce.sequence.learning import learn
from rayce.sequence.learnt import Learnt
from rayce.sequence.sequences import Floats, Ints, Sequences
from rayce.sequence.views import Views

TOP = 10


class Ranked(NamedTuple):
    """Items, the best first, and their scores."""

    items: Ints
    scores: Floats


class SequenceRecommender(NamedTuple):
    """What was learnt."""

    views: Views
    weights: blend.Weights

    @classmethod
    def fit(
        cls, sequences: Sequences, n_items: int, seed: int = 0, say: Callable[[str], None] = lambda _: None
    ) -> "SequenceRecommender":
        """Learn from all histories, in minutes; items are numbered below `n_items`."""
        return cls.of(learn(sequences, n_items, seed, say), sequences, n_items)

    @classmethod
    def of(cls, learnt: Learnt, sequences: Sequences, n_items: int) -> "SequenceRecommender":
        """What was learnt before, and what can be counted anew from these histories in seconds."""
        with threadpool_limits(limits=1):
            return cls(Views.fit(sequences, n_items, learnt.network), learnt.weights)

    def scores(self, history: Ints) -> Floats:
        """By item; -inf for those of the history."""
        found: Floats = self.weights.astype(np.float32) @ self.views.of(history)
        found[history] = -np.inf
        return found

    def top(self, history: Ints, count: int = TOP) -> Ranked:
        """The best items that the history does not hold; equal ones by number."""
        scores = self.scores(history)
        count = min(count, int(np.isfinite(scores).sum()))
        if not count:
            return Ranked(np.zeros(0, np.int32), np.zeros(0, np.float32))
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        good = np.flatnonzero(scores >= least)
        best = good[np.argsort(-scores[good], kind="stable")][:count].astype(np.int32)
        return Ranked(best, scores[best])
