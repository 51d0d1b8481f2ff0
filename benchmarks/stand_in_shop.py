"""A shop of realistic size that nobody has shopped in: shelf, top lists and a ranker trained on noise, published as jobs do."""

import lightgbm
import numpy as np

from rayce import __version__
from rayce.generations import generation_name
from rayce.item import Item
from rayce.model import Manifest, to_files
from rayce.ranking import RANKING_FEATURES
from rayce.settings import Settings
from rayce.shelf import Popular, Shelf
from rayce.stores.dynamo import DynamoStore

GROUPS, BRANDS, NEIGHBOURS = 200, 300, 30
ROWS, TREES, LEAVES = 20_000, 100, 31


def publish_stand_in_shop(settings: Settings, tenant: str, items: int) -> list[str]:
    """The ids of its products, the most popular first."""
    shelf = stand_in_shelf(items)
    entries = [(shelf.ids[n], float(shelf.popularity[n])) for n in shelf.popular[:100]]
    store = DynamoStore(settings.dynamodb)
    kinds = {
        "shelf": shelf.to_files(),
        "popular": Popular(entries, {}).to_files(),
        "lists": {},
        "ranker": stand_in_ranker(),
    }
    for kind, files in kinds.items():
        name = generation_name(tenant, kind)
        store.make_live(name, store.publish(name, files))
    return [shelf.ids[n] for n in shelf.popular]


def stand_in_shelf(items: int) -> Shelf:
    """Products in groups; popularity falls off as a power of the rank, neighbours are near and sometimes far."""
    chance = np.random.default_rng(11)
    made = [
        Item(f"p{n}", f"Product {n}", (f"d{n % 20}", f"g{n % GROUPS}"), f"b{n % BRANDS}", round(1 + float(p), 2))
        for n, p in enumerate(chance.gamma(2.0, 10.0, items))
    ]
    popularity = (1e4 / np.arange(1, items + 1) ** 0.8).astype(np.float32)
    steps = chance.geometric(0.05, (items, NEIGHBOURS))
    neighbours = ((np.arange(items)[:, None] + np.cumsum(steps, axis=1)) % items).astype(np.int32)
    scores = np.sort(chance.random((items, NEIGHBOURS)).astype(np.float32), axis=1)[:, ::-1]
    return Shelf.from_items(made, popularity, neighbours, np.ascontiguousarray(scores))


def stand_in_ranker() -> dict[str, bytes]:
    """100 trees of 31 leaves: what `rayce.training` grows at the most."""
    noise = np.random.default_rng(7)
    rows = noise.gamma(1.0, 2.0, (ROWS, len(RANKING_FEATURES)))
    labels = (rows[:, 0] + rows[:, 1] + noise.normal(0, 2, ROWS) > 4).astype(float)
    parameters = {"objective": "binary", "num_leaves": LEAVES, "num_threads": 1, "verbose": -1, "seed": 7}
    booster = lightgbm.train(parameters, lightgbm.Dataset(rows, labels), num_boost_round=TREES)
    return to_files(booster, Manifest("ranker", RANKING_FEATURES, ROWS, 0, 0, {}, __version__))
