"""A shop of forty products for end-to-end tests: a shelf, top lists and a ranker, published as a job would."""

import lightgbm
import numpy as np

from rayce import __version__
from rayce.generations import generation_name
from rayce.item import Item, encode_item
from rayce.model import Manifest, to_files
from rayce.ranking import RANKING_FEATURES
from rayce.settings import Settings
from rayce.shelf import Popular, Shelf
from rayce.stores.dynamo import DynamoStore

PRODUCTS = [f"p{n}" for n in range(40)]


def publish_small_shop(settings: Settings, tenant: str) -> None:
    """Products p0…p39; neighbours are those with the next numbers; popular in order of number."""
    count = len(PRODUCTS)
    items = [
        Item(name, f"Product {name}", ("all", f"group{n % 4}"), f"brand{n % 5}", 1.0 + n)
        for n, name in enumerate(PRODUCTS)
    ]
    popularity = np.linspace(100, 1, count, dtype=np.float32)
    neighbours = np.array([[(n + step) % count for step in (1, 2, 3)] for n in range(count)], dtype=np.int32)
    shelf = Shelf.from_items(items, popularity, neighbours, np.tile(np.float32([3, 2, 1]), (count, 1)))
    store = DynamoStore(settings.dynamodb)
    store.save_items(tenant, {item.item_id: encode_item(item) for item in items})
    for kind, files in (
        ("shelf", shelf.to_files()),
        ("popular", Popular([(name, 1.0) for name in PRODUCTS]).to_files()),
        ("ranker", _ranker()),
    ):
        name = generation_name(tenant, kind)
        store.make_live(name, store.publish(name, files))


def _ranker() -> dict[str, bytes]:
    """A ranker that likes what goes with the session, then what is popular."""
    noise = np.random.default_rng(3)
    rows = noise.random((4_000, len(RANKING_FEATURES))) * 5
    wanted = rows[:, RANKING_FEATURES.index("session_score")] * 2 + rows[:, 0]
    labels = (wanted > np.quantile(wanted, 0.8)).astype(int)
    parameters = {"objective": "lambdarank", "num_leaves": 15, "num_threads": 1, "verbose": -1, "seed": 3}
    booster = lightgbm.train(parameters, lightgbm.Dataset(rows, labels, group=[40] * 100), num_boost_round=30)
    return to_files(booster, Manifest("ranker", RANKING_FEATURES, len(rows), 0, 0, {}, __version__))


def flat_ranker() -> dict[str, bytes]:
    """A ranker without any opinion: what training on labels that are all alike gives."""
    rows = np.random.default_rng(4).random((400, len(RANKING_FEATURES)))
    parameters = {"objective": "regression", "num_threads": 1, "verbose": -1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(rows, np.ones(400)), num_boost_round=2)
    return to_files(booster, Manifest("ranker", RANKING_FEATURES, len(rows), 0, 0, {}, __version__))
