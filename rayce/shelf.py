"""The shelf: what a batch run knows of a tenant's products, as arrays: the items, their neighbours, and what is popular.

Published as one generation, so that everything in it speaks of the same item numbers. What later versions added is left
empty where a generation of an earlier one is loaded.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayce.errors import InvalidArtifact
from rayce.item import Item
from rayce.session_neighbours import Sessions
from rayce.shelf_parts import PARTS_FILE, Kinds, Parts

ITEMS_FILE, ARRAYS_FILE, TRENDING_FILE = "items.json", "arrays.npz", "trending.json"
SESSIONS_FILE, CONTENT_FILE = "sessions.npz", "content.npz"

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Moments = NDArray[np.int64]
"""Milliseconds since the epoch."""
NOTHING = -1


class _Names(Struct, frozen=True):
    ids: list[str]
    groups: list[str]
    brands: list[str]
    category_sets: list[list[str]]


class Shelf(NamedTuple):
    """n items by number. `group` is the second-widest category, the grain at which taste is measured.

    `neighbours` and `neighbour_scores` are n × k, best first, `NOTHING` where there are fewer; `popularity` counts
    purchases, the recent ones more; `popular` are item numbers, best first. `added_ms` is when an item was first seen, 0 where
    nobody knows; `newest` are the available ones of which it is known, newest first. `trending` are item numbers by key
    (see `rayce.trending`), best first. `words` (category and brand by item id, see `rayce.item_words`) and `sessions` are
    there only where they were asked for: the edge needs the ones, the ranker the others; `parts` too, which jobs need, and of
    them `kinds`, which the edge tells of.

    `content` is an encoded `ContentIndex`, read only when something new is to be placed among the items. Items from number
    `settled` on were not in the generation: they came into the catalogue since (see `rayce.live_items`), and `edition` names
    what has changed since, 0: nothing.
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
    added_ms: Moments
    newest: Ints
    trending: Mapping[str, Ints] = {}
    words: Mapping[str, tuple[str, str]] = {}
    sessions: Sessions | None = None
    parts: Parts | None = None
    kinds: Kinds | None = None
    content: bytes = b""
    settled: int = 0
    edition: int = 0

    @classmethod
    def from_items(
        cls,
        items: Sequence[Item],
        popularity: Floats,
        neighbours: Ints,
        neighbour_scores: Floats,
        added_ms: Moments | None = None,
    ) -> "Shelf":
        """A shelf of items with what was computed for them, in the same order."""
        added = np.zeros(len(items), dtype=np.int64) if added_ms is None else added_ms
        groups, group = _numbered([group_of(item) for item in items])
        brands, brand = _numbered([item.brand for item in items])
        available = np.array([item.available for item in items], dtype=np.bool_)
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
            popular=popular_of(popularity, available),
            added_ms=added,
            newest=newest_of(added, available),
            settled=len(items),
        )

    def numbers(self, item_ids: Sequence[str]) -> list[int]:
        """The numbers of those items that are on the shelf, in order."""
        return [n for n in map(self.number.get, item_ids) if n is not None]

    def to_files(self) -> dict[str, bytes]:
        """The files of a generation."""
        buffer = io.BytesIO()
        np.savez(buffer, **{name: getattr(self, name) for name in _ARRAYS})
        names = _Names(self.ids, self.groups, self.brands, [sorted(c) for c in self.category_sets])
        trending = {key: numbers.tolist() for key, numbers in self.trending.items()}
        files = {ITEMS_FILE: msgspec.json.encode(names), ARRAYS_FILE: buffer.getvalue()}
        files[TRENDING_FILE] = msgspec.json.encode(trending)
        if self.content:
            files[CONTENT_FILE] = self.content
        if self.parts is not None:
            files[PARTS_FILE] = self.parts.to_bytes()
        return files if self.sessions is None else files | {SESSIONS_FILE: self.sessions.to_bytes()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "Shelf":
        """The shelf of a generation, without words and sessions. `InvalidArtifact` says what is missing or damaged."""
        try:
            names = msgspec.json.decode(files[ITEMS_FILE], type=_Names)
            with np.load(io.BytesIO(files[ARRAYS_FILE]), allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in _ARRAYS if name in stored or name != "added_ms"}
            arrays.setdefault("added_ms", np.zeros(len(names.ids), dtype=np.int64))
            trending = _trending(files.get(TRENDING_FILE, b"{}"), len(names.ids))
        except Exception as error:  # zip and numpy have a dozen kinds for damaged files
            raise InvalidArtifact(f"the shelf cannot be read: {error}", "files", sorted(files)) from None
        if len({len(names.ids), len(names.category_sets), *(len(arrays[name]) for name in _BY_ITEM)}) != 1:
            raise InvalidArtifact("the shelf's files do not speak of the same items", "files", sorted(files))
        number = {item_id: n for n, item_id in enumerate(names.ids)}
        sets = [frozenset(c) for c in names.category_sets]
        return cls(
            ids=names.ids,
            number=number,
            groups=names.groups,
            brands=names.brands,
            category_sets=sets,
            **arrays,
            newest=newest_of(arrays["added_ms"], arrays["available"]),
            trending=trending,
            content=files.get(CONTENT_FILE, b""),
            settled=len(names.ids),
        )

    @classmethod
    def with_sessions(cls, files: Mapping[str, bytes]) -> "Shelf":
        """The same with the sessions, where the generation has them."""
        shelf, data = cls.from_files(files), files.get(SESSIONS_FILE)
        return shelf if data is None else shelf._replace(sessions=Sessions.from_bytes(data, len(shelf.ids)))

    @classmethod
    def with_parts(cls, files: Mapping[str, bytes]) -> "Shelf":
        """The same with the parts of the neighbours, where the generation has them."""
        shelf, data = cls.from_files(files), files.get(PARTS_FILE)
        if data is None:
            return shelf
        return shelf._replace(parts=Parts.from_bytes(data, len(shelf.ids), len(shelf.groups), len(shelf.brands)))


_BY_ITEM = ("group", "brand", "price", "available", "popularity", "neighbours", "neighbour_scores", "added_ms")
_ARRAYS = (*_BY_ITEM, "popular")


def group_of(item: Item) -> str:
    """The item's category at the grain at which taste is measured; "" where it has none."""
    return item.categories[:2][-1] if item.categories else ""


def popular_of(popularity: Floats, available: NDArray[np.bool_]) -> Ints:
    """The available items, the most popular first, equal ones by number."""
    order = np.lexsort((np.arange(len(popularity)), -popularity))
    return order[available[order]].astype(np.int32)


def newest_of(added_ms: Moments, available: NDArray[np.bool_]) -> Ints:
    """The available items of which it is known since when they are there, newest first, equal ones by number."""
    order = np.lexsort((np.arange(len(added_ms)), -added_ms))
    return order[available[order] & (added_ms[order] > 0)].astype(np.int32)


def _trending(data: bytes, n_items: int) -> dict[str, Ints]:
    found = {
        key: np.array(numbers, dtype=np.int32)
        for key, numbers in msgspec.json.decode(data, type=dict[str, list[int]]).items()
    }
    if any(((numbers < 0) | (numbers >= n_items)).any() for numbers in found.values()):
        raise InvalidArtifact("a trending list names items that are not on the shelf", TRENDING_FILE, n_items)
    return found


def _numbered(names: Sequence[str]) -> tuple[list[str], Ints]:
    distinct = sorted(set(names))
    number = {name: n for n, name in enumerate(distinct)}
    return distinct, np.array([number[name] for name in names], dtype=np.int32)


def in_country(segment: str, code: str) -> str:
    """The key of a top list of a segment's members ("": of everybody) in a country.

    >>> in_country("repeat_buyer", "DE")
    'repeat_buyer|DE'
    """
    return f"{segment}|{code}"


class Popular(Struct, frozen=True, forbid_unknown_fields=True):
    """Top lists for the lowest rungs: of everybody, and of the members of each segment; (item id, score), best first.

    `trending` is what is wanted right now, by key: see `rayce.trending`. `countries` are what is bought from a country, by
    `in_country` of the segment ("": everybody) and the ISO code.
    """

    everybody: list[tuple[str, float]]
    segments: dict[str, list[tuple[str, float]]] = {}
    trending: dict[str, list[tuple[str, float]]] = {}
    countries: dict[str, list[tuple[str, float]]] = {}

    def widening(self, segments: Sequence[str], country: str) -> Iterator[tuple[bool, list[tuple[str, float]]]]:
        """The lists for somebody in these segments and this country, the narrowest first; True: one of a segment."""
        for name in segments:
            near = self.countries.get(in_country(name, country))
            yield from ((True, ranked) for ranked in (near, self.segments.get(name)) if ranked is not None)
        yield False, self.countries.get(in_country("", country), [])
        yield False, self.everybody

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
