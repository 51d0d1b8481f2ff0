"""The shelf: what a batch run knows of a tenant's products, as arrays: the items, their neighbours, and what is popular.

Published as one generation, so that everything in it speaks of the same item numbers.
"""

import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayce.errors import InvalidArtifact
from rayce.item import Item

ITEMS_FILE, ARRAYS_FILE = "items.json", "arrays.npz"

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
NOTHING = -1


class _Names(Struct, frozen=True):
    ids: list[str]
    groups: list[str]
    brands: list[str]
    category_sets: list[list[str]]


class Shelf(NamedTuple):
    """n items by number. `group` is the second-widest category, the grain at which taste is measured.

    `neighbours` and `neighbour_scores` are n × k, best first, `NOTHING` where there are fewer; `popularity` counts
    purchases, the recent ones more; `popular` are item numbers, best first.
    """

    ids: list[str]
    number: dict[str, int]
    groups: list[str]
    brands: list[str]
    category_sets: list[frozenset[str]]
    group: Ints
    brand: Ints
    price: Floats
    available: NDArray[np.bool_]
    popularity: Floats
    neighbours: Ints
    neighbour_scores: Floats
    popular: Ints

    @classmethod
    def from_items(
        cls, items: Sequence[Item], popularity: Floats, neighbours: Ints, neighbour_scores: Floats
    ) -> "Shelf":
        """A shelf of items with what was computed for them, in the same order."""
        groups, group = _numbered([item.categories[:2][-1] if item.categories else "" for item in items])
        brands, brand = _numbered([item.brand for item in items])
        available = np.array([item.available for item in items], dtype=np.bool_)
        order = np.lexsort((np.arange(len(items)), -popularity))
        return cls(
            ids=[item.item_id for item in items],
            number={item.item_id: n for n, item in enumerate(items)},
            groups=groups,
            brands=brands,
            category_sets=[frozenset(item.categories) for item in items],
            group=group,
            brand=brand,
            price=np.array([item.price if item.price is not None else np.nan for item in items], dtype=np.float32),
            available=available,
            popularity=popularity.astype(np.float32),
            neighbours=neighbours.astype(np.int32),
            neighbour_scores=neighbour_scores.astype(np.float32),
            popular=order[available[order]].astype(np.int32),
        )

    def numbers(self, item_ids: Sequence[str]) -> list[int]:
        """The numbers of those items that are on the shelf, in order."""
        return [n for n in map(self.number.get, item_ids) if n is not None]

    def to_files(self) -> dict[str, bytes]:
        """The files of a generation."""
        buffer = io.BytesIO()
        np.savez(buffer, **{name: getattr(self, name) for name in _ARRAYS})
        names = _Names(self.ids, self.groups, self.brands, [sorted(c) for c in self.category_sets])
        return {ITEMS_FILE: msgspec.json.encode(names), ARRAYS_FILE: buffer.getvalue()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "Shelf":
        """The shelf of a generation. `InvalidArtifact` says what is missing or damaged."""
        try:
            names = msgspec.json.decode(files[ITEMS_FILE], type=_Names)
            with np.load(io.BytesIO(files[ARRAYS_FILE]), allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in _ARRAYS}
        except Exception as error:  # zip and numpy have a dozen kinds for damaged files
            raise InvalidArtifact(f"the shelf cannot be read: {error}", "files", sorted(files)) from None
        if len({len(names.ids), len(names.category_sets), *(len(arrays[name]) for name in _BY_ITEM)}) != 1:
            raise InvalidArtifact("the shelf's files do not speak of the same items", "files", sorted(files))
        number = {item_id: n for n, item_id in enumerate(names.ids)}
        sets = [frozenset(c) for c in names.category_sets]
        return cls(names.ids, number, names.groups, names.brands, sets, **arrays)


_BY_ITEM = ("group", "brand", "price", "available", "popularity", "neighbours", "neighbour_scores")
_ARRAYS = (*_BY_ITEM, "popular")


def _numbered(names: Sequence[str]) -> tuple[list[str], Ints]:
    distinct = sorted(set(names))
    number = {name: n for n, name in enumerate(distinct)}
    return distinct, np.array([number[name] for name in names], dtype=np.int32)


class Popular(Struct, frozen=True, forbid_unknown_fields=True):
    """Top lists for the lowest rungs: of everybody, and of the members of each segment; (item id, score), best first."""

    everybody: list[tuple[str, float]]
    segments: dict[str, list[tuple[str, float]]] = {}

    def to_files(self) -> dict[str, bytes]:
        """The files of a generation."""
        return {"popular.json": msgspec.json.encode(self)}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "Popular":
        """Inverse of `to_files`; `InvalidArtifact` says what is missing or damaged."""
        try:
            return msgspec.json.decode(files["popular.json"], type=cls)
        except (KeyError, msgspec.MsgspecError) as error:
            raise InvalidArtifact(f"the top lists cannot be read: {error}", "popular.json", None) from None
