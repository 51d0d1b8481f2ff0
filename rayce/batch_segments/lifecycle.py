"""The stage of each person's buying, by their own rhythm, and scores of recency, frequency and monetary value.

Recency, frequency, monetary value: Hughes, "Strategic Database Marketing" (1994), with scores by quantile.
"""

import numpy as np
from numpy.typing import NDArray

from rayce.batch_segments.definition import STAGES, Lifecycle
from rayce.batch_segments.totals import Moments, Numbers, Purchases
from rayce.decay import DAY_MS

MIN_RHYTHM = 3
"""Purchases from which on somebody has a rhythm: two intervals."""
NOBODYS_DAYS = 30.0
"""The usual rhythm where nobody has one."""
SHORTEST_DAYS = 1.0
"""Of who buys more often it counts as daily: a quiet morning is no risk."""

PROSPECT, NEW, ACTIVE, AT_RISK, LAPSED, WON_BACK = range(len(STAGES))


def stages(bought: Purchases, spec: Lifecycle, now_ms: int) -> NDArray[np.str_]:
    """Of each person one of `STAGES`."""
    count = bought.count
    usual = usual_days(bought) if spec.usual_days is None else spec.usual_days
    since_last, since_first = (now_ms - bought.last_ms) / DAY_MS, (now_ms - bought.first_ms) / DAY_MS
    quiet = since_last / _rhythm(bought.last_ms - bought.first_ms, count, usual)
    pause = (bought.last_ms - bought.before_last_ms) / DAY_MS
    before = _rhythm(bought.before_last_ms - bought.first_ms, count - 1, usual)
    won_back = (count >= 2) & (since_last <= spec.won_back_days) & (pause / before >= spec.lapsed)
    stage = np.select(
        [count == 0, won_back, since_first <= spec.new_days, quiet < spec.at_risk, quiet < spec.lapsed],
        [PROSPECT, WON_BACK, NEW, ACTIVE, AT_RISK],
        LAPSED,
    )
    found: NDArray[np.str_] = np.array(STAGES)[stage]
    return found


def usual_days(bought: Purchases) -> float:
    """The median of everybody's mean days between two purchases, of those who have a rhythm."""
    some = bought.count >= MIN_RHYTHM
    if not some.any():
        return NOBODYS_DAYS
    days = (bought.last_ms[some] - bought.first_ms[some]) / DAY_MS / (bought.count[some] - 1)
    return max(float(np.median(days)), SHORTEST_DAYS)


def quantile_scores(values: Numbers, among: NDArray[np.bool_], parts: int, least_is_best: bool = False) -> Numbers:
    """From 1, the worst value, to `parts`, the best: by the share that is worse of those `among` whose value is another.

    Equal values score alike; values that are all different are parted into quantiles. 1 where all are equal; 0: not among them.

    >>> quantile_scores(np.array([5.0, 1.0, 3.0, 3.0, 5.0]), np.array([True] * 5), 3).tolist()
    [3.0, 1.0, 2.0, 2.0, 3.0]
    """
    scores = np.zeros(len(values))
    held = -values[among] if least_is_best else values[among]
    if len(held):
        ordered = np.sort(held)
        worse = np.searchsorted(ordered, held, side="left")
        better = len(held) - np.searchsorted(ordered, held, side="right")
        scores[among] = 1 + np.minimum(worse * parts // np.maximum(worse + better, 1), parts - 1)
    return scores


def _rhythm(span_ms: Moments, count: Moments, usual: float) -> Numbers:
    """Mean days between two purchases; the usual of who has no rhythm of his own."""
    own = span_ms / DAY_MS / np.maximum(count - 1, 1)
    found: Numbers = np.maximum(np.where(count >= MIN_RHYTHM, own, usual), SHORTEST_DAYS)
    return found
