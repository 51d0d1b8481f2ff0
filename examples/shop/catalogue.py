"""What the shop sells: sixty made-up products, read from `products.json`; the shop's own truth, also while rayce is away."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from rayce.client import Item

PRODUCTS = Path(__file__).parent / "products.json"


class Catalogue(NamedTuple):
    """The products by id, in the shop's own order, and their departments with what is in each."""

    items: dict[str, Item]
    departments: dict[str, list[str]]

    def listing(self, department: str = "", wanted: str = "") -> list[str]:
        """Ids of products of a department ("": of all) that have every wanted word in title, brand or category."""
        words = wanted.lower().split()
        found = (
            (self.items.values())
            if not department
            else (i for i in self.items.values() if i.categories[0] == department)
        )
        return [item.item_id for item in found if all(word in _text(item) for word in words)]

    def beside(self, item_id: str) -> list[str]:
        """Other products of the same department, those of the same shelf first: what a shop shows that knows no better."""
        here = self.items[item_id]
        others = [item for item in self.items.values() if item.categories[0] == here.categories[0] and item is not here]
        return [item.item_id for item in sorted(others, key=lambda item: item.categories[1] != here.categories[1])]

    def best_sellers(self) -> list[str]:
        """One product of each shelf after the other: the window of a shop that knows nobody and has asked nobody."""
        shelves: dict[str, list[str]] = {}
        for item in self.items.values():
            shelves.setdefault(item.categories[1], []).append(item.item_id)
        longest = max(map(len, shelves.values()), default=0)
        return [ids[place] for place in range(longest) for ids in shelves.values() if place < len(ids)]

    def known(self, item_ids: Iterable[str]) -> list[str]:
        """Those that the shop sells, each once."""
        return [item_id for item_id in dict.fromkeys(item_ids) if item_id in self.items]


def read_catalogue(path: Path = PRODUCTS) -> Catalogue:
    """The catalogue of a file."""
    return catalogue_of(msgspec.json.decode(path.read_bytes(), type=list[Item]))


def catalogue_of(items: Sequence[Item]) -> Catalogue:
    """A catalogue of these products; each has a department and a shelf."""
    departments: dict[str, list[str]] = {}
    for item in items:
        shelves = departments.setdefault(item.categories[0], [])
        if item.categories[1] not in shelves:
            shelves.append(item.categories[1])
    return Catalogue({item.item_id: item for item in items}, departments)


def _text(item: Item) -> str:
    return f"{item.title} {item.brand} {' '.join(item.categories)}".lower()
