"""A tiny trained model for tests, on whatever features they name."""

import lightgbm
import numpy as np

from rayce.model import Manifest, to_files


def trained_on(*features: str) -> dict[str, bytes]:
    """The files of a segment model that has seen noise."""
    chance = np.random.default_rng(1)
    rows = chance.random((200, len(features)))
    parameters = {"objective": "binary", "num_threads": 1, "verbosity": -1, "min_data_in_leaf": 5}
    booster = lightgbm.train(parameters, lightgbm.Dataset(rows, rows[:, 0] > 0.5), num_boost_round=2)
    return to_files(booster, Manifest("segment-model", features, len(rows), 0, 0, {}, "test"))
