"""What is popular: purchases, the recent ones more; of everybody, and of each segment's members."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rayce.decay import DAY_MS
from rayce.interactions import Interactions
from rayce.shelf import Floats, Popular, Shelf, in_country
from rayce.trending import MIN_PEOPLE, Trends

POPULARITY_HALF_LIFE_MS = 28 * DAY_MS
TOP = 200
NO_TRENDS: Trends = {}


def popularity(purchases: Interactions, n_items: int, until_ms: int) -> Floats:
    """Purchases by item, each halved for every four weeks it lies before `until_ms`."""
    weights = 2.0 ** (np.minimum(purchases.at_ms - until_ms, 0) / POPULARITY_HALF_LIFE_MS)
    return np.bincount(purchases.item, weights, n_items).astype(np.float32)


def build_popular(
    shelf: Shelf, purchases: Interactions, names: Mapping[int, str], until_ms: int, trends: Trends = NO_TRENDS
) -> Popular:
    """Top lists of everybody, and of each segment: what its members bought while they were in it; and what is trending.

    Of each country too, and of each segment's members in it: for whom nothing else is known of. `names` are the segments by
    bit number. A segment in which fewer than `MIN_PEOPLE` people bought has no list: it would show
    one person's basket to another.
    """
    lists: dict[str, list[tuple[str, float]]] = {}
    countries: dict[str, list[tuple[str, float]]] = {}
    everybody: dict[int | None, str] = {None: ""}
    for bit, name in (everybody | dict(names)).items():
        kinds = [kind for kind, bits in enumerate(purchases.member_bits) if bit is None or bit in bits]
        members = purchases.where(np.isin(purchases.kind, kinds))
        if bit is not None and (ranked := _of_many(shelf, members, until_ms)):
            lists[name] = ranked
        for land, code in enumerate(purchases.countries):
            if code and (ranked := _of_many(shelf, members.where(members.country == land), until_ms)):
                countries[in_country(name, code)] = ranked
    trending = {key: [(shelf.ids[n], score) for n, score in ranked] for key, ranked in trends.items()}
    return Popular(_top(shelf, shelf.popularity), lists, trending, countries)


def _of_many(shelf: Shelf, members: Interactions, until_ms: int) -> list[tuple[str, float]]:
    """What they bought; nothing where they are too few."""
    if len(np.unique(members.person)) < MIN_PEOPLE:
        return []
    return _top(shelf, popularity(members, len(shelf.ids), until_ms))


def _top(shelf: Shelf, counts: NDArray[np.float32]) -> list[tuple[str, float]]:
    order = np.argsort(-counts, kind="stable")
    best = [n for n in order[: 2 * TOP].tolist() if counts[n] > 0 and shelf.available[n]]
    return [(shelf.ids[n], round(float(counts[n]), 3)) for n in best[:TOP]]
