"""What goes with what, and what is popular: computed at once from a tenant's interactions.

Neighbours: cosine of two products' sessions, shrunk where they rarely met (Sarwar et al., "Item-based collaborative filtering
recommendation algorithms", WWW 2001, 3.1; the shrinkage is that of Bell & Koren, ICDM 2007, 2.2). Memory is bounded: one block
of rows of the product of the session matrix with itself at a time.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rayce.candidates import Wish, find_candidates
from rayce.decay import DAY_MS
from rayce.errors import InvalidArtifact
from rayce.event import LATEST_MS
from rayce.interactions import Interactions
from rayce.item import Item
from rayce.session_neighbours import Sessions
from rayce.session_rows import session_rows
from rayce.shelf import NOTHING, Floats, Ints, Moments, Popular, Shelf
from rayce.trending import MIN_PEOPLE, Trends

NEIGHBOURS = 30
SHRINKAGE = 30.0
"""A pair that met this often counts half."""
MIN_TOGETHER = 2
POPULARITY_HALF_LIFE_MS = 28 * DAY_MS
TOP = 200
BLOCK = 1_024
NOBODY_KNOWS: Mapping[str, int] = {}
NO_TRENDS: Trends = {}


def build_shelf(
    items: Sequence[Item], interactions: Interactions, until_ms: int, known_since: Mapping[str, int] = NOBODY_KNOWS
) -> Shelf:
    """The shelf of these items as of `until_ms`; the interactions speak of the items by their place.

    `known_since` is when the former shelf says that its items were first seen: see `first_seen`.
    """
    near, scores = neighbours(interactions.session, interactions.item, len(items))
    counts = popularity(interactions.purchases(), len(items), until_ms)
    return Shelf.from_items(items, counts, near, scores, first_seen(items, interactions, until_ms, known_since))


def with_living(shelf: Shelf, interactions: Interactions, trends: Trends) -> Shelf:
    """The same with what serving adds to it: the recent sessions, and what is trending."""
    rows = session_rows(interactions.session, interactions.item, interactions.at_ms)
    lists = {key: np.array([n for n, _score in ranked], dtype=np.int32) for key, ranked in trends.items()}
    return shelf._replace(sessions=Sessions(rows, len(shelf.ids)), trending=lists)


def first_seen(
    items: Sequence[Item], interactions: Interactions, until_ms: int, known_since: Mapping[str, int]
) -> Moments:
    """When each item was first seen, 0 where nobody knows.

    The item's own attribute `added_ms` counts; else the earliest of what the former shelf says and the first event. What came
    into the catalogue since the former shelf, and nobody touched, is as new as can be.
    """
    never = np.iinfo(np.int64).max
    found = np.full(len(items), never)
    np.minimum.at(found, interactions.item, interactions.at_ms)
    for n, item in enumerate(items):
        own, before = item.attributes.get("added_ms"), known_since.get(item.item_id)
        if type(own) is int and 0 < own <= LATEST_MS:
            found[n] = own
        elif before is not None:
            found[n] = min(before, int(found[n])) if before else 0
        elif found[n] == never:
            found[n] = until_ms if known_since else 0
    return found


def popularity(purchases: Interactions, n_items: int, until_ms: int) -> Floats:
    """Purchases by item, each halved for every four weeks it lies before `until_ms`."""
    weights = 2.0 ** (np.minimum(purchases.at_ms - until_ms, 0) / POPULARITY_HALF_LIFE_MS)
    return np.bincount(purchases.item, weights, n_items).astype(np.float32)


def build_popular(
    shelf: Shelf, purchases: Interactions, names: Mapping[int, str], until_ms: int, trends: Trends = NO_TRENDS
) -> Popular:
    """Top lists of everybody, and of each segment: what its members bought while they were in it; and what is trending.

    `names` are the segments by bit number. A segment in which fewer than `MIN_PEOPLE` people bought has no list: it would show
    one person's basket to another.
    """
    lists: dict[str, list[tuple[str, float]]] = {}
    for bit, name in names.items():
        kinds = [kind for kind, bits in enumerate(purchases.member_bits) if bit in bits]
        rows = np.isin(purchases.kind, kinds)
        if len(np.unique(purchases.person[rows])) >= MIN_PEOPLE:
            members = purchases._replace(item=purchases.item[rows], at_ms=purchases.at_ms[rows])
            lists[name] = _top(shelf, popularity(members, len(shelf.ids), until_ms))
    trending = {key: [(shelf.ids[n], score) for n, score in ranked] for key, ranked in trends.items()}
    return Popular(_top(shelf, shelf.popularity), lists, trending)


def check_shelf(files: Mapping[str, bytes]) -> None:
    """That the files hold a shelf from which something can be found; `InvalidArtifact` if not."""
    shelf = Shelf.with_sessions(files)
    found = find_candidates(shelf, None, [], Wish(), 0, 10)
    if not len(found.items) and shelf.available.any():
        raise InvalidArtifact("nothing can be found on the shelf", "files", len(shelf.ids))


def check_popular(files: Mapping[str, bytes]) -> None:
    """That the files hold top lists, best first; `InvalidArtifact` if not."""
    popular = Popular.from_files(files)
    for ranked in (popular.everybody, *popular.segments.values(), *popular.trending.values()):
        if [score for _item, score in ranked] != sorted((score for _item, score in ranked), reverse=True):
            raise InvalidArtifact("a top list is not in order", "popular.json", ranked[:3])


def neighbours(
    sessions: Ints, items: Ints, n_items: int, count: int = NEIGHBOURS, block: int = BLOCK
) -> tuple[Ints, Floats]:
    """n_items × `count` item numbers, best first, `NOTHING` where there are fewer, and their scores in (0, 1)."""
    near = np.full((n_items, count), NOTHING, dtype=np.int32)
    scores = np.zeros((n_items, count), dtype=np.float32)
    n_sessions = int(sessions.max()) + 1 if len(sessions) else 0
    met = sparse.csr_array((np.ones(len(items), np.float32), (sessions, items)), shape=(n_sessions, n_items))
    met.sum_duplicates()
    met.data[:] = 1.0
    by_item = met.T.tocsr()
    seldom = 1.0 / np.sqrt(np.maximum(np.diff(by_item.indptr), 1)).astype(np.float32)
    for first in range(0, n_items, block):
        pairs = by_item[first : first + block] @ met
        for row in range(pairs.shape[0]):
            found = slice(pairs.indptr[row], pairs.indptr[row + 1])
            _keep_best(first + row, pairs.indices[found], pairs.data[found], seldom, near, scores)
    return near, scores


def _keep_best(item: int, others: Ints, together: Floats, seldom: Floats, near: Ints, scores: Floats) -> None:
    """Fills the item's row of `near` and `scores`; equal scores go by number."""
    good = (together >= MIN_TOGETHER) & (others != item)
    others, together = others[good], together[good]
    strength = together * seldom[item] * seldom[others] * (together / (together + SHRINKAGE))
    count = near.shape[1]
    if len(others) > count:
        chosen = np.argpartition(-strength, count)[:count]
        others, strength = others[chosen], strength[chosen]
    order = np.lexsort((others, -strength))
    near[item, : len(order)] = others[order]
    scores[item, : len(order)] = strength[order]


def _top(shelf: Shelf, counts: NDArray[np.float32]) -> list[tuple[str, float]]:
    order = np.argsort(-counts, kind="stable")
    best = [n for n in order[: 2 * TOP].tolist() if counts[n] > 0 and shelf.available[n]]
    return [(shelf.ids[n], round(float(counts[n]), 3)) for n in best[:TOP]]
