"""Whether a candidate is worse than what is live: beyond noise, on the very same cases, by a paired bootstrap.

Both are measured case by case (a basket, a person). The mean of the paired differences is resampled (Efron & Tibshirani, "An
Introduction to the Bootstrap", 1993; for ranking: Sakai, SIGIR 2006); only where the whole 95 % interval lies below zero, and
the loss is worth speaking of, is the candidate worse. The same values give the same verdict: the seed is fixed.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayce.errors import InvalidInput, WorseThanLive

DECIDING = ("ndcg_at_10",)
"""Metrics that decide unless others are named; greater is better."""
MIN_CASES = 30
"""Fewer cases cannot tell anything apart."""
NEGLIGIBLE = 0.01
"""A loss of less than this share of what the live one reaches is not worth keeping it for, however certain."""
RESAMPLES, SEED = 2_000, 20_26
CONFIDENCE = 0.95
MAX_BLOCKS = 4_000
"""More cases than this are dealt into so many blocks of (nearly) equal size, whose means are resampled."""

PerCase = Mapping[str, Sequence[float] | NDArray[np.float64]]
"""By metric, a value for each case; the cases of both sides are the same, in the same order. NaN: not asked of this case."""


class Difference(Struct, frozen=True):
    """Of one metric: both means, the mean paired difference (candidate minus live), and its 95 % interval."""

    metric: str
    cases: int
    candidate: float
    live: float
    mean: float
    low: float
    high: float

    @property
    def worse(self) -> bool:
        """Whether it is a loss beyond noise and beyond what is negligible."""
        enough = self.cases >= MIN_CASES
        return enough and self.high < 0 and -self.mean > NEGLIGIBLE * abs(self.live)


class Verdict(Struct, frozen=True):
    """`worse`: the candidate should not be made live; `why` says it in a sentence either way."""

    worse: bool
    why: str
    differences: tuple[Difference, ...] = ()

    def metrics(self) -> dict[str, float]:
        """What the job's last line says: the mean differences, with the prefix `vs_live_`; nothing where none is live."""
        return {f"vs_live_{each.metric}": round(each.mean, 4) for each in self.differences}


FIRST = Verdict(False, "nothing is live to compare with")


def verdict(
    candidate: PerCase, live: PerCase | None, deciding: Sequence[str] = DECIDING, name: str = "the live one"
) -> Verdict:
    """The candidate is worse where any of the deciding metrics is. None, or no case: there is nothing to compare with.

    `name` is what the live one is called in `why`.
    `InvalidInput` where a deciding metric is missing, or the two were not measured on the same number of cases.
    """
    if live is None:
        return FIRST
    found = tuple(_difference(metric, candidate, live) for metric in deciding)
    losses = [each for each in found if each.worse]
    few = [each for each in found if each.cases < MIN_CASES]
    told = "; ".join(_told(each) for each in (losses or found))
    if losses:
        return Verdict(True, f"worse than {name}: {told}", found)
    if few:
        return Verdict(False, f"{few[0].cases} cases are too few to tell it from {name}", found)
    return Verdict(False, f"not worse than {name}: {told}", found)


def insist(found: Verdict, force: bool) -> None:
    """`WorseThanLive` where the candidate is worse and nobody insists."""
    if found.worse and not force:
        raise WorseThanLive(found.why)


def _difference(metric: str, candidate: PerCase, live: PerCase) -> Difference:
    for side, name in ((candidate, "candidate"), (live, "live one")):
        if metric not in side:
            raise InvalidInput(f"the {name} was not measured by `{metric}`", metric, sorted(side))
    ours, theirs = np.asarray(candidate[metric], dtype=np.float64), np.asarray(live[metric], dtype=np.float64)
    if ours.shape != theirs.shape or ours.ndim != 1:
        raise InvalidInput(f"`{metric}` of {len(ours)} cases against {len(theirs)}", metric, (len(ours), len(theirs)))
    asked = ~(np.isnan(ours) | np.isnan(theirs))
    ours, theirs = ours[asked], theirs[asked]
    if not len(ours):
        return Difference(metric, 0, 0.0, 0.0, 0.0, 0.0, 0.0)
    paired = ours - theirs
    low, high = interval(paired)
    return Difference(metric, len(ours), float(ours.mean()), float(theirs.mean()), float(paired.mean()), low, high)


def interval(values: NDArray[np.float64], resamples: int = RESAMPLES, seed: int = SEED) -> tuple[float, float]:
    """The 95 % percentile interval of the mean of at least one value.

    >>> interval(np.full(50, 0.25))
    (0.25, 0.25)
    """
    chance = np.random.default_rng(seed)
    weights = np.ones(len(values))
    if len(values) > MAX_BLOCKS:
        blocks = np.array_split(chance.permutation(len(values)), MAX_BLOCKS)
        weights = np.array([len(block) for block in blocks], dtype=np.float64)
        values = np.array([values[block].mean() for block in blocks])
    means = np.empty(resamples)
    for n in range(resamples):
        drawn = chance.integers(0, len(values), len(values))
        means[n] = float(values[drawn] @ weights[drawn]) / float(weights[drawn].sum())
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _told(each: Difference) -> str:
    return (
        f"{each.metric} {each.candidate:.4f} against {each.live:.4f} on the same {each.cases:,} cases,"
        f" {each.mean:+.4f} ({each.low:+.4f} to {each.high:+.4f})"
    )
