"""A random shop and what people did in it, as columns."""

import numpy as np

from rayce.decay import DAY_MS
from rayce.interactions import Interactions
from rayce.item import Item
from rayce.lists.tables import Tables, make_tables
from rayce.shelf import NOTHING, Shelf
from tests.samples import T0

N_ITEMS, PEOPLE, NEAR = 60, 25, 3


def rows(
    person: list[int], item: list[int], at_ms: list[int], bought: list[bool] | None = None, weight: float = 1.0
) -> Interactions:
    """Interactions with these columns, all in one session each."""
    count = len(person)
    return Interactions(
        person=np.array(person, dtype=np.int32),
        session=np.arange(count, dtype=np.int32),
        item=np.array(item, dtype=np.int32),
        at_ms=np.array(at_ms, dtype=np.int64),
        bought=np.array(bought if bought is not None else [True] * count, dtype=np.bool_),
        kind=np.zeros(count, dtype=np.int32),
        member_bits=[frozenset()],
        weight=np.full(count, weight, dtype=np.float32),
        country=np.zeros(count, dtype=np.int32),
        countries=[""],
    )


def happened(seed: int = 1, people: int = PEOPLE, n_items: int = N_ITEMS, most: int = 60) -> Interactions:
    """A hundred days of anything, in order of time; the last person of all does nothing."""
    chance = np.random.default_rng(seed)
    count = int(chance.integers(1, people * most))
    at_ms = np.sort(T0 - chance.integers(0, 100 * DAY_MS, count) // DAY_MS * DAY_MS)
    person, item = chance.integers(0, people - 1, count), (chance.exponential(n_items / 4, count)).astype(int) % n_items
    return rows(person.tolist(), item.tolist(), at_ms.tolist(), (chance.random(count) < 0.8).tolist())


def shop(seed: int = 1, n_items: int = N_ITEMS) -> Shelf:
    """Items in ten kinds of five groups, each with a few random neighbours; one in ten is not available."""
    chance = np.random.default_rng((seed, 2))
    items = [
        Item(
            f"p{n}",
            categories=("all", f"group {n % 5}", f"kind {n % 10}"),
            brand=f"brand {n % 3}",
            available=n % 10 != 9,
        )
        for n in range(n_items)
    ]
    near = np.argsort(chance.random((n_items, n_items)), axis=1)[:, :NEAR].astype(np.int32)
    near[chance.random(near.shape) < 0.2] = NOTHING
    near = np.where(np.minimum.accumulate(near, axis=1) == NOTHING, NOTHING, near).astype(np.int32)
    scores = np.where(near == NOTHING, 0.0, chance.random(near.shape)).astype(np.float32)
    popularity = chance.random(n_items).astype(np.float32) * 100
    return Shelf.from_items(items, popularity, near, scores)


def tables(seed: int = 1) -> Tables:
    """The tables of that shop."""
    return make_tables(shop(seed), happened(seed), T0)
