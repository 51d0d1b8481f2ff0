"""LightGBM for the lists: the likelihood that a candidate is bought, from its parts. The same rows give the same trees."""

from collections.abc import Sequence
from typing import Any

import lightgbm
import numpy as np

from rayce.training import Rows, log_loss

MOST_TREES, PATIENCE = 300, 20
_SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "metric": "binary_logloss",
    "num_leaves": 31,
    "learning_rate": 0.05,
    "lambda_l2": 20.0,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 20_26,
    "verbosity": -1,
}


def train_trees(
    train: Rows, held_out: Rows | None, names: Sequence[str], trees: int = MOST_TREES
) -> tuple[lightgbm.Booster, dict[str, float]]:
    """At most so many trees; with held-out rows as many as foretell them best, and how well that is."""
    settings = _SETTINGS | {"min_data_in_leaf": max(5, min(1_000, len(train.labels) // 500))}
    data = lightgbm.Dataset(train.features, train.labels, weight=train.weights, feature_name=list(names))
    if held_out is None:
        return lightgbm.train(settings, data, trees), {}
    check = lightgbm.Dataset(held_out.features, held_out.labels, weight=held_out.weights, reference=data)
    calls: list[Any] = [lightgbm.early_stopping(PATIENCE, verbose=False)]
    booster = lightgbm.train(settings, data, trees, valid_sets=[check], callbacks=calls)
    told = np.asarray(
        booster.predict(held_out.features, num_iteration=booster.best_iteration, num_threads=1), dtype=np.float64
    )
    metrics = {"trees": float(booster.best_iteration), "log_loss": round(log_loss(held_out.labels, told), 5)}
    return booster, metrics
