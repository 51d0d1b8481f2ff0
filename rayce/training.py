"""The trainer: LightGBM on rows in, a generation's files out. The only importer of lightgbm besides `rayce.model`.

The same rows give the same model: one thread, fixed seeds, LightGBM's deterministic mode.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray

from rayce import __version__
from rayce.errors import InvalidArtifact
from rayce.model import Manifest, Model, to_files
from rayce.model_files import hash_of
from rayce.verdict import FIRST, Verdict

SEED = 20_26
MAX_TREES = 100
PATIENCE = 10
"""Trees without progress on the held-out rows before training ends."""

_COMMON: dict[str, Any] = {
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": SEED,
    "verbosity": -1,
    "num_leaves": 15,
    "learning_rate": 0.1,
    "feature_fraction": 0.8,
}
_BINARY = {"objective": "binary", "metric": "binary_logloss"}
_RANKER = {"objective": "lambdarank", "metric": "ndcg", "eval_at": [10], "lambdarank_truncation_level": 20}
"""LambdaMART (Burges, "From RankNet to LambdaRank to LambdaMART", MSR-TR-2010-82)."""


Learning = dict[str, dict[str, list[float]]]
"""By part (`training`, `held out`) and metric, its value after each tree."""


class Rows(NamedTuple):
    """Rows × features, a label each, the moment each belongs to (ms), and the sizes of groups of rows that compete.

    `weights`: how much each row counts, 1 where there are none; `people`: a number for whom a row is about.
    """

    features: NDArray[np.float64]
    labels: NDArray[np.int8]
    at_ms: NDArray[np.int64]
    groups: NDArray[np.int32] | None = None
    weights: NDArray[np.float64] | None = None
    people: NDArray[np.int64] | None = None


class Trained(NamedTuple):
    """A model: the files of its generation, what it scored, each feature's share of the gain, its columns, and whether it is
    worse than the live one.
    """

    files: dict[str, bytes]
    metrics: dict[str, float]
    importance: dict[str, float]
    features: tuple[str, ...]
    against_live: Verdict = FIRST


def train_classifier(
    train: Rows, held_out: Rows, names: tuple[str, ...], learning: Learning | None = None
) -> lightgbm.Booster:
    """A model of the probability of label 1; stops early on the logloss of the held-out rows, and fills `learning`."""
    return _train(_BINARY, train, held_out, names, learning)


def train_ranker(
    train: Rows, held_out: Rows, names: tuple[str, ...], learning: Learning | None = None
) -> lightgbm.Booster:
    """A model that orders the rows of a group; stops early on the NDCG at 10 of the held-out groups; fills `learning`."""
    return _train(_RANKER, train, held_out, names, learning)


def trained(
    booster: lightgbm.Booster,
    kind: str,
    names: tuple[str, ...],
    train: Rows,
    metrics: Mapping[str, float],
    held_out: Rows | None = None,
    rows_of: Mapping[str, int] | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> Trained:
    """The booster with its manifest; `metrics` are of the held-out rows."""
    checked = held_out is not None and len(held_out.at_ms) > 0
    manifest = Manifest(
        kind=kind,
        features=names,
        rows=len(train.labels),
        from_ms=int(train.at_ms.min()),
        until_ms=int(train.at_ms.max()),
        metrics={**metrics, "trees": float(booster.num_trees())},
        code_version=__version__,
        features_hash=hash_of(names),
        held_out_ms=(int(held_out.at_ms.min()), int(held_out.at_ms.max())) if checked and held_out else (0, 0),
        rows_of=dict(rows_of or {}),
        thresholds=dict(thresholds or {}),
    )
    return Trained(to_files(booster, manifest), manifest.metrics, importance(booster), names)


def check_model(files: Mapping[str, bytes], names: tuple[str, ...]) -> None:
    """That the files load, have these features, and score alike one by one and all at once; `InvalidArtifact` if not."""
    model = Model.from_files(files)
    if model.features != names:
        raise InvalidArtifact("the model has other features than those asked for", "features", model.features)
    rows = np.random.default_rng(SEED).uniform(0, 100, (8, len(names)))
    scores = model.score_many(rows)
    if not np.isfinite(scores).all() or not np.allclose(scores, [model.score_one(row.tolist()) for row in rows]):
        raise InvalidArtifact("the model does not score", "scores", scores.tolist())


def importance(booster: lightgbm.Booster) -> dict[str, float]:
    """Each feature's share of the total gain, largest first."""
    gain = booster.feature_importance("gain")
    share = gain / max(float(gain.sum()), 1e-12)
    named = zip(booster.feature_name(), share.tolist(), strict=True)
    return {name: round(value, 4) for name, value in sorted(named, key=lambda pair: -pair[1])}


def area_under_curve(labels: NDArray[np.int8], scores: NDArray[np.float64]) -> float:
    """AUC by ranks, ties shared (Hanley & McNeil 1982); 0.5 where only one label occurs.

    >>> area_under_curve(np.array([0, 1, 1], np.int8), np.array([0.1, 0.4, 0.3]))
    1.0
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return 0.5
    _values, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(count) - (count - 1) / 2
    rank_sum = float(mean_rank[place][labels == 1].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def log_loss(labels: NDArray[np.int8], probabilities: NDArray[np.float64]) -> float:
    """Mean negative log-likelihood, in nats."""
    inside = np.clip(probabilities, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(labels == 1, np.log(inside), np.log1p(-inside))))


def _train(
    settings: Mapping[str, Any], train: Rows, held_out: Rows, names: tuple[str, ...], learning: Learning | None
) -> lightgbm.Booster:
    leaf = {"min_data_in_leaf": max(5, min(200, len(train.labels) // 500))}
    data = lightgbm.Dataset(
        train.features, train.labels, weight=train.weights, group=train.groups, feature_name=list(names)
    )
    check = lightgbm.Dataset(
        held_out.features, held_out.labels, weight=held_out.weights, group=held_out.groups, reference=data
    )
    parts = {"held out": check}
    calls: list[Callable[..., Any]] = [lightgbm.early_stopping(PATIENCE, verbose=False)]
    if learning is not None:
        parts["training"] = data  # LightGBM does not stop for the sake of the rows it learns from
        calls.append(lightgbm.record_evaluation(learning))
    booster = lightgbm.train(
        {**_COMMON, **settings, **leaf},
        data,
        MAX_TREES,
        valid_sets=list(parts.values()),
        valid_names=list(parts),
        callbacks=calls,
    )
    best = booster.model_to_string(num_iteration=booster.best_iteration)
    return lightgbm.Booster(model_str=best)
