"""Whether a new ranking model may take over: on the same questions its scores are finite, not all alike, and no stranger's.

The bands are wide. They are there for what goes wrong when models are made and moved (columns exchanged, a sign lost, another
kind of model, an empty one), not to judge which of two models is better: an experiment does that.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

MIN_AGREEMENT = -0.3
"""Rank correlation (Spearman's) with the former model, in the mean over the questions: below it the order is turned round."""
SPREAD_BAND = 50.0
"""The spread of the scores (between the quartiles) may be so many times the former's, or one such part of it."""
SHIFT_BAND = 50.0
"""The median may move by so many of the former's spreads."""
ENOUGH = 10
"""With fewer scores than this nothing is said of their distribution."""


def fault(new: Sequence[Scores], former: Sequence[Scores] | None = None) -> str:
    """Why the model that gave `new` must not take over from the one that gave `former` on the same questions; "": it may."""
    everything = np.concatenate([*new, np.empty(0)])
    if not np.isfinite(everything).all():
        return "scores that are no numbers"
    if len(everything) < ENOUGH:
        return ""
    if former is None:
        return "every score is the same" if _constant(everything) else ""
    before = np.concatenate([*former, np.empty(0)])
    if not np.isfinite(before).all() or _constant(before):
        return ""  # nothing to measure by
    if _constant(everything):
        return "every score is the same"
    agreement = [correlation(a, b) for a, b in zip(new, former, strict=True) if len(a) >= ENOUGH]
    if agreement and float(np.mean(agreement)) < MIN_AGREEMENT:
        return f"the order is turned round (rank correlation {np.mean(agreement):.2f} with the former model)"
    spread, usual = _spread(everything), _spread(before)
    if not usual / SPREAD_BAND <= spread <= usual * SPREAD_BAND:
        return f"the spread of its scores is {spread:.3g}, the former model's {usual:.3g}"
    shift = abs(float(np.median(everything) - np.median(before)))
    if shift > SHIFT_BAND * usual:
        return f"its scores lie {shift:.3g} away from the former model's, whose spread is {usual:.3g}"
    return ""


def is_finite(scores: Scores) -> bool:
    """Whether all are numbers; cheap enough for every reply."""
    return bool(np.isfinite(scores).all())


def is_flat(scores: Scores) -> bool:
    """Whether many candidates all got the same score, which is no ranking."""
    return len(scores) >= ENOUGH and _constant(scores)


def correlation(one: Scores, other: Scores) -> float:
    """Spearman's rank correlation; ties are broken by place. 1 where there is nothing to compare.

    >>> round(correlation(np.array([1.0, 2.0, 3.0]), np.array([9.0, 8.0, 7.0])), 6)
    -1.0
    """
    if len(one) < 2:
        return 1.0
    ranks = (np.argsort(np.argsort(each, kind="stable")).astype(float) for each in (one, other))
    centred = [rank - rank.mean() for rank in ranks]
    return float((centred[0] * centred[1]).sum() / (centred[0] ** 2).sum())


def top_overlap(one: Scores, other: Scores, count: int = 10) -> float:
    """Share of the best `count` of one that are among those of the other; equal scores go by place."""
    count = min(count, len(one))
    best = [set(np.argsort(-each, kind="stable")[:count].tolist()) for each in (one, other)]
    return len(best[0] & best[1]) / count if count else 1.0


def _constant(scores: Scores) -> bool:
    return bool(scores.max() == scores.min())


def _spread(scores: Scores) -> float:
    """Between the quartiles; where these are alike, of all."""
    low, high = np.percentile(scores, (25, 75))
    return float(high - low) or float(scores.max() - scores.min())
