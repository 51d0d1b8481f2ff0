"""A segment model of realistic size, trained on noise: for benchmarks that need a model in the path but no shop's history."""

import lightgbm
import numpy as np

from rayce import __version__
from rayce.generations import generation_name
from rayce.model import Manifest, to_files
from rayce.settings import Settings
from rayce.stores.dynamo import DynamoStore

ROWS, TREES, LEAVES = 20_000, 100, 15
NAMES = (
    *("events", "views", "add_to_carts", "days_since_last_event", "days_since_purchase", "interest"),
    *("mean_basket_value", "mean_interval_days", "overdue_ratio", "distinct_items_bought"),
    *("session_depth", "session_duration_s", "cart_items", "cart_value"),
    *("views_5m", "views_1h", "views_1d", "add_to_carts_1d", "purchases_30d", "spend_30d"),
    *("views_decayed_7d", "top_category_share", "price_sensitivity", "share_evening"),
)
"""A mix of every family, as many as a trained model keeps."""


def publish_stand_in_model(settings: Settings, tenant: str) -> None:
    """100 trees of 15 leaves, the most that `rayce.training` grows, over 24 features; live as `buys_within_7_days`."""
    noise = np.random.default_rng(7)
    rows = noise.gamma(1.0, 5.0, (ROWS, len(NAMES)))
    labels = (rows[:, 0] + rows[:, -1] + noise.normal(0, 5, ROWS) > 10).astype(float)
    parameters = {"objective": "binary", "num_leaves": LEAVES, "num_threads": 1, "verbose": -1, "seed": 7}
    booster = lightgbm.train(parameters, lightgbm.Dataset(rows, labels), num_boost_round=TREES)
    manifest = Manifest("segment", NAMES, ROWS, 0, 0, {}, __version__)
    store = DynamoStore(settings.dynamodb)
    name = generation_name(tenant, "segment-model.buys_within_7_days")
    store.make_live(name, store.publish(name, to_files(booster, manifest)))
