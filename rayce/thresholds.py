"""The threshold of a score that a declared precision or size asks for, chosen on rows the model was not trained on."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.segments.aim import Aim

NOBODY = 2.0
"""Above every probability: the precision cannot be had, so that nobody is in."""
MIN_ROWS = 20
"""A precision of fewer rows above the threshold may be luck."""
DIGITS = 6
"""Scores are held against thresholds rounded to so many."""

Values = NDArray[np.float64]


class Held(NamedTuple):
    """What was held out: scores, labels, for whom each row is (a number), and when (ms)."""

    scores: Values
    labels: NDArray[np.int8]
    people: NDArray[np.int64]
    at_ms: NDArray[np.int64]

    def where(self, chosen: NDArray[np.bool_]) -> "Held":
        """The chosen rows."""
        return Held(self.scores[chosen], self.labels[chosen], self.people[chosen], self.at_ms[chosen])


class Reached(NamedTuple):
    """What a threshold comes to: which share of rows above it was true, and which share of people has the last row above it."""

    precision: float
    share: float


def choose(held: Held, aim: Aim) -> float:
    """The lowest threshold with the aimed precision, or that with the aimed share of people, or the next smaller one.

    `NOBODY` where no threshold has that precision on at least `MIN_ROWS` rows.
    """
    scores = np.round(held.scores, DIGITS)
    if aim.precision is None:
        assert aim.size is not None
        return _of_size(scores[_last_rows(held)], aim.size)
    order = np.argsort(-scores, kind="stable")
    descending = scores[order]
    last = np.append(descending[1:] != descending[:-1], True)  # a threshold takes all rows of a score, or none
    count = np.arange(1, len(order) + 1)
    precise = np.cumsum(held.labels[order]) / count >= aim.precision
    good = np.flatnonzero(last & precise & (count >= MIN_ROWS))
    return float(descending[good[-1]]) if len(good) else NOBODY


def reached(held: Held, threshold: float) -> Reached:
    """What it comes to on these rows; 0 and 0 where nobody is above it."""
    above = np.round(held.scores, DIGITS) >= threshold
    of_people = above[_last_rows(held)]
    precision = float(held.labels[above].mean()) if above.any() else 0.0
    return Reached(precision, float(of_people.mean()) if len(of_people) else 0.0)


def earlier_half(held: Held) -> NDArray[np.bool_]:
    """Which rows lie in the earlier half of the rows by time."""
    return np.asarray(held.at_ms < np.median(held.at_ms), dtype=np.bool_)


def _of_size(scores: Values, size: float) -> float:
    """The lowest score that takes in no more than that share; if the best score alone takes in more, that one."""
    wanted = int(size * len(scores) + 0.5)
    descending = np.sort(scores)[::-1]
    if not len(descending):
        return NOBODY
    values, first = np.unique(-descending, return_index=True)
    taken = np.append(first[1:], len(descending))  # by distinct score, how many are at or above it
    good = np.flatnonzero(taken <= wanted)
    return float(-values[good[-1] if len(good) else 0])


def _last_rows(held: Held) -> NDArray[np.intp]:
    """The place of each person's last row."""
    order = np.lexsort((np.arange(len(held.people)), held.at_ms, held.people))
    people = held.people[order]
    return order[np.append(people[1:] != people[:-1], True)] if len(order) else order
