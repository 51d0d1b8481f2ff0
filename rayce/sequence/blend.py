"""Weights of the views of a history, fitted to what people took next.

A conditional logit (McFadden, 1974): the chance of an item among those the person did not have is the softmax of the weighted
sum of its columns. Few weights, so that little can go wrong; Newton's method, drawn a little towards where it begins.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.sequence.sequences import Floats

ROUNDS = 12
PULL = 0.002
"""Of the weights towards where they began, against a mean over questions."""

Weights = NDArray[np.float64]


class Question(NamedTuple):
    """Views × items to choose among, the place of the one that was taken, and what is added to each item's score.

    An item that stands for many like it has the logarithm of their number.
    """

    columns: Floats
    label: int
    stands_for: Floats


def fit(questions: Sequence[Question], begin: Weights) -> Weights:
    """The weights under which the labels are likeliest."""
    weights = begin.astype(np.float64)
    if not questions:
        return weights
    best, worth = weights, _likelihood(questions, weights, begin)[0]
    for _ in range(ROUNDS):
        _, slope, bend = _likelihood(questions, best, begin)
        step = np.linalg.solve(bend, slope)
        length = 1.0
        while length > 0.01 and (tried := _likelihood(questions, best + length * step, begin)[0]) <= worth:
            length /= 2
        if length <= 0.01:
            break
        gained, worth, best = tried - worth, tried, best + length * step
        if gained < 1e-5:
            break
    return best


def _likelihood(questions: Sequence[Question], weights: Weights, begin: Weights) -> tuple[float, Weights, Weights]:
    """The mean log-likelihood with the pull, its slope, and minus its second derivative."""
    away = weights - begin
    total, slope = 0.0, np.zeros_like(weights)
    bend = np.zeros((len(weights), len(weights)))
    for columns, label, stands_for in questions:
        scores = weights.astype(np.float32) @ columns + stands_for
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        total += float(np.log(max(chances[label], 1e-30)))
        mean = columns @ chances
        slope += columns[:, label] - mean
        bend += (columns * chances) @ columns.T - np.outer(mean, mean)
    n = len(questions)
    return (
        total / n - PULL * float(away @ away),
        slope / n - 2 * PULL * away,
        bend / n + 2 * PULL * np.eye(len(weights)),
    )
