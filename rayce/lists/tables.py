"""What is the same for everybody's list: columns of the products, what goes with what, and what is popular in which kind."""

import io
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rayce.decay import DAY_MS
from rayce.errors import InvalidArtifact
from rayce.interactions import Interactions
from rayce.lists.columns import ITEM_COLUMNS, Pairs, item_columns
from rayce.lists.ease import Near, ease
from rayce.shelf import NOTHING, Floats, Ints, Shelf

TABLES_FILE = "tables.npz"
INTEREST_HALF_LIFE_MS = 112 * DAY_MS
NEAR = 60
HABITS_SHRINKAGE, TASTES_SHRINKAGE = 100.0, 400.0
OF_KIND = 10
"""Popular products of a kind that may come into somebody's list because they buy of that kind."""
MOST_POPULAR = 400
"""Of the most popular ones these are known, so that some are left for who has bought most of them."""


class Tables(NamedTuple):
    """Everything is by item number of a shelf.

    `kind` is the narrowest category, `group` the shelf's, `brand` too; `line` is what a brand has in a group. `share` is the
    item's share of its group's popularity, those of kind and line of what is bought lately. `popular` are item numbers, best
    first; `of_kind` is kinds × `OF_KIND`, padded by `NOTHING`. Four tables say what goes with what: `habits` and `tastes`
    (EASE^R over how often and over how lately), `near` (the shelf's neighbours) and `following` (what comes after it).
    """

    columns: NDArray[np.float64]
    available: NDArray[np.bool_]
    group: Ints
    brand: Ints
    kind: Ints
    line: Ints
    share: NDArray[np.float64]
    share_of_all: NDArray[np.float64]
    share_of_kind: NDArray[np.float64]
    share_of_line: NDArray[np.float64]
    popular: Ints
    of_kind: Ints
    habits: Ints
    habits_scores: Floats
    tastes: Ints
    tastes_scores: Floats
    near: Ints
    near_scores: Floats
    following: Ints
    following_scores: Floats

    def to_bytes(self) -> bytes:
        """The file of a generation."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **self._asdict())
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Tables":
        """Inverse of `to_bytes`; `InvalidArtifact` where it is damaged."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                found = cls(**{name: stored[name] for name in cls._fields})
            counts = {len(getattr(found, name)) for name in cls._fields if name not in ("popular", "of_kind")}
            if len(counts) != 1 or found.columns.shape[1] != len(ITEM_COLUMNS):
                raise ValueError("its arrays do not speak of the same items")
        except Exception as error:  # zip and numpy have a dozen kinds for damaged files
            raise InvalidArtifact(f"the tables of the lists cannot be read: {error}", TABLES_FILE, None) from None
        return found


def make_tables(shelf: Shelf, interactions: Interactions, until_ms: int, near: int = NEAR) -> Tables:
    """The tables as of `until_ms`, from what everybody bought until then; `near` 0 leaves EASE^R out."""
    n_items = len(shelf.ids)
    pairs = Pairs(interactions.purchases(), n_items)
    people = int(pairs.person.max()) + 1 if len(pairs.person) else 0
    columns = item_columns(pairs, n_items, people, until_ms)
    habits, tastes = _by_ease(pairs, people, n_items, until_ms, near)
    kind = _kinds(shelf)
    pair = shelf.group.astype(np.int64) * (len(shelf.brands) + 1) + shelf.brand
    line = np.unique(pair, return_inverse=True)[1].astype(np.int32)
    popularity = shelf.popularity.astype(np.float64)
    lately = columns[:, ITEM_COLUMNS.index("people_28")]
    order = np.lexsort((-popularity, -lately))
    order = order[shelf.available[order]]
    following = (
        (shelf.parts.following, shelf.parts.following_scores)
        if shelf.parts is not None
        else (np.full((n_items, 0), NOTHING, dtype=np.int32), np.zeros((n_items, 0), dtype=np.float32))
    )
    return Tables(
        columns=np.ascontiguousarray(columns),
        available=shelf.available,
        group=shelf.group,
        brand=shelf.brand,
        kind=kind,
        line=line,
        share=popularity / np.maximum(np.bincount(shelf.group, popularity)[shelf.group], 1.0),
        share_of_all=popularity / max(float(popularity.sum()), 1.0),
        share_of_kind=_share(lately, kind),
        share_of_line=_share(lately, line),
        popular=order[:MOST_POPULAR].astype(np.int32),
        of_kind=_of_kind(kind, order),
        habits=habits.items,
        habits_scores=habits.scores,
        tastes=tastes.items,
        tastes_scores=tastes.scores,
        near=np.ascontiguousarray(shelf.neighbours, dtype=np.int32),
        near_scores=np.ascontiguousarray(shelf.neighbour_scores, dtype=np.float32),
        following=np.ascontiguousarray(following[0], dtype=np.int32),
        following_scores=np.ascontiguousarray(following[1], dtype=np.float32),
    )


def _share(values: NDArray[np.float64], kind: Ints) -> NDArray[np.float64]:
    """By item, its share of its kind's sum, which counts as 1 where it is less."""
    return values / np.maximum(np.bincount(kind, values)[kind], 1.0) if len(values) else values


def _by_ease(pairs: Pairs, people: int, n_items: int, until_ms: int, near: int) -> tuple[Near, Near]:
    lately = 2.0 ** (np.minimum(pairs.last_ms - until_ms, 0) / INTEREST_HALF_LIFE_MS)
    often = np.log1p(pairs.summed(2.0 ** (np.minimum(pairs.at_ms - until_ms, 0) / INTEREST_HALF_LIFE_MS)))
    shape = (people, n_items)
    rows = (pairs.person, pairs.item)
    return (
        ease(sparse.csr_array((often, rows), shape=shape), HABITS_SHRINKAGE, near),
        ease(sparse.csr_array((lately, rows), shape=shape), TASTES_SHRINKAGE, near),
    )


def _kinds(shelf: Shelf) -> Ints:
    """By item, the number of the rarest of its categories, equal ones by name: the narrowest."""
    size: dict[str, int] = {}
    for categories in shelf.category_sets:
        for name in categories:
            size[name] = size.get(name, 0) + 1
    narrowest = [min(categories, key=lambda name: (size[name], name), default="") for categories in shelf.category_sets]
    number = {name: n for n, name in enumerate(sorted(set(narrowest)))}
    return np.array([number[name] for name in narrowest], dtype=np.int32)


def _of_kind(kind: Ints, order: NDArray[np.intp]) -> Ints:
    """The first `OF_KIND` of each kind among the items in order."""
    found = np.full((int(kind.max()) + 1 if len(kind) else 0, OF_KIND), NOTHING, dtype=np.int32)
    by_kind = order[np.argsort(kind[order], kind="stable")]
    kinds = kind[by_kind]
    count = np.bincount(kinds, minlength=len(found))
    place = np.arange(len(by_kind)) - (np.cumsum(count) - count)[kinds]
    first = place < OF_KIND
    found[kinds[first], place[first]] = by_kind[first]
    return found
