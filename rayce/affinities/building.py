"""The shelf of a history: items, what goes with what, and what serving adds to it.

Neighbours are merged from three tables: what is met in the same sessions, what follows, and what is alike by the catalogue's
entries. The last knows cold items as well, and gives them to others as neighbours.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec
import numpy as np

from rayce.affinities.ages import first_seen
from rayce.affinities.alike import alike
from rayce.affinities.choosing import Blend, Chosen, choose
from rayce.affinities.following import following, walk_of
from rayce.affinities.kinds import near_kinds, number_of
from rayce.affinities.tables import Table, blended
from rayce.affinities.together import NEIGHBOURS, Scheme, neighbours
from rayce.affinities.top_lists import popularity
from rayce.content_index import ContentIndex
from rayce.interactions import Interactions
from rayce.item import Item, encode_item
from rayce.session_neighbours import Sessions
from rayce.session_rows import session_rows
from rayce.shelf import Shelf
from rayce.shelf_parts import Parts
from rayce.trending import Trends

COLD_SLOTS = 3
"""So many of an item's neighbours may be items that nobody has touched, where they are alike."""
NOBODY_KNOWS: Mapping[str, int] = {}


Keep = Callable[[str, Callable[[], bytes]], bytes]
"""By name of a step, what it made: now, or in a former run that was killed. Names tell apart all that a step depends on."""


def keep_nothing(name: str, make: Callable[[], bytes]) -> bytes:
    """A `Keep` that makes everything anew."""
    return make()


class Built(NamedTuple):
    """A shelf, and how its neighbours were blended."""

    shelf: Shelf
    chosen: Chosen


def build_shelf(
    items: Sequence[Item],
    interactions: Interactions,
    until_ms: int,
    known_since: Mapping[str, int] = NOBODY_KNOWS,
    blend: Blend | None = None,
) -> Shelf:
    """See `build`."""
    return build(items, interactions, until_ms, known_since, blend).shelf


def build(
    items: Sequence[Item],
    interactions: Interactions,
    until_ms: int,
    known_since: Mapping[str, int] = NOBODY_KNOWS,
    blend: Blend | None = None,
    keep: Keep = keep_nothing,
) -> Built:
    """The shelf of these items as of `until_ms`; the interactions speak of the items by their place.

    `known_since` is when the former shelf says that its items were first seen: see `first_seen`. Without a `blend` the one is
    taken that foretells the end of this history best. What takes long is made through `keep`.
    """
    n_items, index = len(items), ContentIndex.of(items)
    said, told = _digest_of_items(items), _digest_of_rows(interactions, until_ms)

    def kept(name: str, make: Callable[[], Table]) -> Table:
        return Table.from_bytes(keep(name, lambda: make().to_bytes()))

    like = kept(f"alike-{said}", lambda: alike(index))
    if blend is None:
        tried = keep(f"blend-{said}-{told}", lambda: msgspec.json.encode(choose(interactions, like, n_items)))
        chosen = msgspec.json.decode(tried, type=Chosen)
    else:
        chosen = Chosen(blend)
    of = chosen.blend
    after = kept(f"follows-{said}-{told}", lambda: _following(interactions, n_items, until_ms))
    met = kept(f"met-{of.scheme}-{said}-{told}", lambda: _met(interactions, n_items, of.scheme))
    cold = np.bincount(interactions.item, minlength=n_items) == 0
    weights = [(met, 1.0), (after, of.follows), (like, of.alike)]
    near = blended(weights, n_items, NEIGHBOURS, cold, COLD_SLOTS)
    counts = popularity(interactions.purchases(), n_items, until_ms)
    added_ms = first_seen(items, interactions, until_ms, known_since)
    shelf = Shelf.from_items(items, counts, near.near, near.scores, added_ms)
    parts = _parts(shelf, interactions, after, like, until_ms)
    return Built(shelf._replace(parts=parts, content=index.to_bytes()), chosen)


def with_living(shelf: Shelf, interactions: Interactions, trends: Trends) -> Shelf:
    """The same with what serving adds to it: the recent sessions, and what is trending."""
    rows = session_rows(interactions.session, interactions.item, interactions.at_ms, interactions.session_keys)
    lists = {key: np.array([n for n, _score in ranked], dtype=np.int32) for key, ranked in trends.items()}
    return shelf._replace(sessions=Sessions(rows, len(shelf.ids)), trending=lists)


def _following(rows: Interactions, n_items: int, until_ms: int) -> Table:
    return following(walk_of(rows.person, rows.session, rows.item, rows.at_ms), n_items, until_ms)


def _met(rows: Interactions, n_items: int, scheme: Scheme) -> Table:
    return Table(*neighbours(rows.session, rows.item, n_items, scheme=scheme))


def _digest_of_items(items: Sequence[Item]) -> str:
    digest = blake2b(digest_size=12)
    for item in items:
        digest.update(encode_item(item))
    return digest.hexdigest()


def _digest_of_rows(rows: Interactions, until_ms: int) -> str:
    digest = blake2b(str(until_ms).encode(), digest_size=12)
    for column in (rows.person, rows.session, rows.item, rows.at_ms):
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()


def _parts(shelf: Shelf, rows: Interactions, after: Table, like: Table, until_ms: int) -> Parts:
    groups = near_kinds(rows, shelf.group, len(shelf.groups), number_of(shelf.groups, ""), until_ms)
    brands = near_kinds(rows, shelf.brand, len(shelf.brands), number_of(shelf.brands, ""), until_ms)
    return Parts(*after, *like, *groups, *brands)
