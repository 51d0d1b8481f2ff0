"""Who is like the seeds: a model that tells seeds from a sample of everybody else, and how well it does on people it never saw.

Only those learn it anything who allow training. People are dealt to the parts by a checksum of their pseudonym, so the same
people give the same model. Seeds against unlabelled people: a perfect model would not reach an AUC of 1, since some of the
sample are just like the seeds, and that is what is looked for (Elkan & Noto, KDD 2008).
"""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rayce.batch_segments.definition import Lookalike
from rayce.errors import NotEnoughData
from rayce.training import Rows, area_under_curve, importance, train_classifier

MIN_SEEDS = 50
"""Seeds who allow training; fewer say too little."""
MAX_SEEDS, MAX_SAMPLE, SAMPLE_PER_SEED = 50_000, 100_000, 10
PARTS, TRAIN, CHECK = 10, 6, 8
"""Of ten people six train, two say when to stop, two are the honest test."""
PENALTY, ROUNDS = 1.0, 30

Members = NDArray[np.bool_]
Matrix = NDArray[np.float64]
Denied = Callable[[Sequence[str]], Collection[str]]

FEATURES = (
    "events",
    "views",
    "add_to_carts",
    "purchases",
    "searches",
    "days_since_first_event",
    "days_since_last_event",
    "interest",
    "days_since_purchase",
    "spend",
    "mean_basket_value",
    "mean_interval_days",
    "overdue_ratio",
    "distinct_items_bought",
    "views_30d",
    "add_to_carts_30d",
    "purchases_30d",
    "spend_30d",
    "categories",
    "top_category_share",
    "brands",
    "top_brand_share",
    "click_through",
    "share_morning",
    "share_afternoon",
    "share_evening",
    "mean_price_seen",
    "mean_price_paid",
    "price_sensitivity",
    "coupon_share",
)
"""What is looked at where the segment does not say; those that are off are left out."""


class Likeness(NamedTuple):
    """A score from 0 to 1 of everybody, the AUC on people who had no part in it, and what weighed how much (shares)."""

    scores: Matrix
    auc: float
    seeds: int
    sample: int
    importance: dict[str, float]


def likeness(
    name: str,
    features: Matrix,
    names: tuple[str, ...],
    people: list[str],
    seeds: Members,
    may: Members,
    spec: Lookalike,
    denied: Denied = lambda persons: (),
) -> Likeness:
    """Everybody's, rows as `people`; `may`: who allows training; `denied`: who of those chosen does not any more.

    `NotEnoughData` names the segment where seeds are too few.
    """
    checksum = np.array([crc32(f"{name}\n{person}".encode()) for person in people], dtype=np.int64)
    order = np.argsort(checksum, kind="stable")
    one = order[(seeds & may)[order]][:MAX_SEEDS]
    other = order[(~seeds & may)[order]][: min(MAX_SAMPLE, max(SAMPLE_PER_SEED * len(one), 10 * MIN_SEEDS))]
    rows = np.sort(np.concatenate([one, other]))
    gone = set(denied([people[row] for row in rows.tolist()]))
    rows = np.array([row for row in rows.tolist() if people[row] not in gone], dtype=np.int64)
    ones = int(seeds[rows].sum())
    others = len(rows) - ones
    if ones < MIN_SEEDS or others < MIN_SEEDS:
        raise NotEnoughData(
            f"{name}: {ones} seeds and {others} others are known and allow training, {MIN_SEEDS} of each are needed"
        )
    dealt = checksum[rows] // 97 % PARTS
    train, check, test = rows[dealt < TRAIN], rows[(dealt >= TRAIN) & (dealt < CHECK)], rows[dealt >= CHECK]
    for part in (train, check, test):
        if len(np.unique(seeds[part])) < 2:
            raise NotEnoughData(f"{name}: too few seeds to train, to check and to test on")
    score = _trees if spec.method == "trees" else _linear
    scores, weights = score(features, seeds.astype(np.int8), train, check, names)
    auc = area_under_curve(seeds[test].astype(np.int8), scores[test])
    return Likeness(scores, round(auc, 4), ones, others, weights)


def chosen(scores: Matrix, candidates: Members, spec: Lookalike) -> Members:
    """The best `size` of the candidates, or those from `score` on; among equals the first row counts."""
    if spec.size is None:
        assert spec.score is not None
        return candidates & (scores >= spec.score)
    rows = np.flatnonzero(candidates)
    best = rows[np.argsort(-scores[rows], kind="stable")[: spec.size]]
    found = np.zeros(len(scores), dtype=np.bool_)
    found[best] = True
    return found


def _trees(
    features: Matrix,
    labels: NDArray[np.int8],
    train: NDArray[np.int64],
    check: NDArray[np.int64],
    names: tuple[str, ...],
) -> tuple[Matrix, dict[str, float]]:
    at_ms = np.zeros(len(labels), dtype=np.int64)
    learnt, checked = (Rows(features[rows], labels[rows], at_ms[rows]) for rows in (train, check))
    booster = train_classifier(learnt, checked, names)
    return np.asarray(booster.predict(features, num_threads=1)), importance(booster)


def _linear(
    features: Matrix,
    labels: NDArray[np.int8],
    train: NDArray[np.int64],
    check: NDArray[np.int64],
    names: tuple[str, ...],
) -> tuple[Matrix, dict[str, float]]:
    """Logistic regression with a ridge, by Newton's method (Hastie, Tibshirani & Friedman, 4.4.1), on logarithms."""
    squeezed = np.nan_to_num(np.sign(features) * np.log1p(np.abs(features)))
    learnt = np.sort(np.concatenate([train, check]))  # nothing is stopped early here
    mean, spread = squeezed[learnt].mean(axis=0), squeezed[learnt].std(axis=0)
    scaled = np.clip((squeezed - mean) / np.where(spread > 0, spread, 1.0), -10, 10)
    inputs = np.column_stack([np.ones(len(scaled)), scaled])
    known, told = inputs[learnt], labels[learnt].astype(np.float64)
    ridge = np.diag([1e-6] + [PENALTY] * features.shape[1])
    weights = np.zeros(inputs.shape[1])
    for _ in range(ROUNDS):
        foretold = _sigmoid(known @ weights)
        slope = known.T @ (told - foretold) - ridge @ weights
        step = np.linalg.solve((known * (foretold * (1 - foretold))[:, None]).T @ known + ridge, slope)
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    share = np.abs(weights[1:]) / max(float(np.abs(weights[1:]).sum()), 1e-12)
    named = sorted(zip(names, share.round(4).tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
    return _sigmoid(inputs @ weights), dict(named)


def _sigmoid(values: Matrix) -> Matrix:
    found: Matrix = 1.0 / (1.0 + np.exp(-np.clip(values, -40, 40)))
    return found
