"""A small shop for tests: twelve products in three departments, a shelf, top lists, and a ranker that needs no training."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rayce.item import Item
from rayce.ranking import RANKING_FEATURES
from rayce.shelf import NOTHING, Popular, Shelf
from rayce.shelf_parts import Parts

DEPARTMENTS = ("bakery", "dairy", "garden")
ITEMS = [
    Item(f"p{n}", f"Product {n}", (DEPARTMENTS[n % 3], f"{DEPARTMENTS[n % 3]}-{n % 2}"), f"brand{n % 4}", 1.0 + n)
    for n in range(12)
]


def make_shelf(items: Sequence[Item] = ITEMS) -> Shelf:
    """The lower the number the more popular; each product goes with the two after it."""
    count = len(items)
    neighbours = np.full((count, 3), NOTHING, dtype=np.int32)
    scores = np.zeros((count, 3), dtype=np.float32)
    for n in range(count):
        near = [m for m in (n + 1, n + 2) if m < count]
        neighbours[n, : len(near)] = near
        scores[n, : len(near)] = [0.9, 0.5][: len(near)]
    popularity = np.arange(count, 0, -1, dtype=np.float32)
    return Shelf.from_items(items, popularity, neighbours, scores)


POPULAR = Popular(
    everybody=[(item.item_id, 12.0 - n) for n, item in enumerate(ITEMS)],
    segments={"repeat_buyer": [("p11", 2.0), ("p10", 1.0), ("p9", 0.5)]},
)


class ByPopularity:
    """A ranker: the most popular first, what goes with the session before that."""

    features = RANKING_FEATURES

    def score_many(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `Ranker`."""
        scores: NDArray[np.float64] = rows[:, 0] + 10 * rows[:, RANKING_FEATURES.index("session_score")]
        return scores


def with_kinds(shelf: Shelf) -> Shelf:
    """The same, where each category and each brand leads to the next two, the nearer one first."""

    def next_two(names: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        at = np.arange(len(names), dtype=np.int32)[:, None]
        near = ((at + np.array([[1, 2]])) % len(names)).astype(np.int32)
        return near, np.broadcast_to(np.array([0.5, 0.25], dtype=np.float32), near.shape).copy()

    none = np.full((len(shelf.ids), 1), -1, dtype=np.int32), np.zeros((len(shelf.ids), 1), dtype=np.float32)
    return shelf._replace(parts=Parts(*none, *none, *next_two(shelf.groups), *next_two(shelf.brands)))
