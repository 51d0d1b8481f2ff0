"""`…/similar` and `/v1/trending`: answered at the edge from the live shelf and top lists, the same for everybody."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from deployments.edge.problems import Problem
from deployments.edge.requests import path_id, read_query, reply
from deployments.edge.schemas import (
    Limit,
    NearKind,
    NearKinds,
    ScoredItem,
    SimilarItems,
    SimilarSource,
    TrendingItems,
    TrendingOf,
)
from deployments.edge.surrogate_keys import surrogate_keys
from rayce.generations import Loaded
from rayce.item_words import SHELF
from rayce.shelf import NOTHING, Ints, Popular, Shelf
from rayce.trending import EVERYBODY, country_key, segment_key

MAX_ITEM_ID = 128
POPULAR = "popular"


class SimilarQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Query of similar items."""

    limit: Limit = 10


class AffinitiesQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Query of which kinds go together: `category` or `brand`."""

    category: Annotated[str, Meta(max_length=256)] = ""
    brand: Annotated[str, Meta(max_length=256)] = ""
    limit: Limit = 10


class TrendingQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Query of what is trending."""

    segment: Annotated[str, Meta(max_length=64)] = ""
    country: Annotated[str, Meta(pattern="^([A-Z]{2})?$")] = ""
    category: Annotated[str, Meta(max_length=256)] = ""
    limit: Limit = 10


async def get_similar(edge: Edge, caller: Caller, request: Request) -> Response:
    """What goes with an item; for one that nobody has touched yet the most popular of its group, and `source` says so. 404
    where the live shelf has no such item.
    """
    item_id = path_id(request, "item_id", MAX_ITEM_ID)
    limit = read_query(request, SimilarQuery).limit
    loaded = edge.live.get(caller.tenant, SHELF)
    number = None if loaded is None else loaded.value.number.get(item_id)
    if loaded is None or number is None:
        raise Problem(404, "the live shelf has no such item", "item_id", item_id)
    source, items = _similar(loaded.value, number, limit)
    return _shared(caller, [(SHELF, loaded)], SimilarItems(item_id, items, source))


async def get_affinities(edge: Edge, caller: Caller, request: Request) -> Response:
    """Which categories go with a category, or brands with a brand, best first: of what people touch in the same session or the
    next ones. Categories are those at the shelf's grain, the second-widest of an item. An empty list where nobody has gone on
    from it yet, or the live shelf has none of that name.
    """
    asked = read_query(request, AffinitiesQuery)
    if bool(asked.category) == bool(asked.brand):
        raise Problem(422, "category, or brand: one of them", "category", asked.category or None)
    of: Literal["category", "brand"] = "category" if asked.category else "brand"
    name = asked.category or asked.brand
    loaded = edge.live.get(caller.tenant, SHELF)
    near = [] if loaded is None else _near_kinds(loaded.value, of, name)[: asked.limit]
    generations = [] if loaded is None else [(SHELF, loaded.number)]
    headers = {"surrogate-key": surrogate_keys(caller.tenant, generations, [])}
    return reply(NearKinds(of, name, near), headers=headers)


def _near_kinds(shelf: Shelf, of: Literal["category", "brand"], name: str) -> list[NearKind]:
    kinds, names = shelf.kinds, shelf.groups if of == "category" else shelf.brands
    if kinds is None or name not in names:
        return []
    number = names.index(name)
    table, scores = (kinds.groups, kinds.group_scores) if of == "category" else (kinds.brands, kinds.brand_scores)
    if number >= len(table):  # it came into the catalogue since
        return []
    pairs = zip(table[number].tolist(), scores[number].tolist(), strict=True)
    return [NearKind(names[n], round(score, 4)) for n, score in pairs if n != NOTHING and names[n]]


async def get_trending(edge: Edge, caller: Caller, request: Request) -> Response:
    """What is wanted right now, by a segment's members or in a country, within a category. Where too few people are behind a
    list it is a wider one: `of` says which (`segment`, `country`, `everybody`; `popular` is of the last weeks).
    """
    asked = read_query(request, TrendingQuery)
    shelf, popular = edge.live.get(caller.tenant, SHELF), edge.live.get(caller.tenant, POPULAR)
    used = [(kind, loaded) for kind, loaded in ((SHELF, shelf), (POPULAR, popular)) if loaded is not None]
    for of, entries in _widening(popular.value if popular else None, shelf.value if shelf else None, asked):
        kept = _in_category(entries, shelf.value if shelf else None, asked.category)
        if kept:
            return _shared(caller, used, TrendingItems(kept[: asked.limit], of, asked.category))
    return _shared(caller, used, TrendingItems([], "popular", asked.category))


def _similar(shelf: Shelf, number: int, limit: int) -> tuple[SimilarSource, list[ScoredItem]]:
    near = shelf.neighbours[number]
    good = (near != NOTHING) & shelf.available[near]
    if good.any():
        return "neighbours", _scored(shelf, near[good][:limit], shelf.neighbour_scores[number][good][:limit].tolist())
    others = shelf.popular[shelf.popular != number]
    of_group = others[shelf.group[others] == shelf.group[number]]
    source: SimilarSource = "group" if len(of_group) else "popular"
    chosen = (of_group if len(of_group) else others)[:limit]
    return source, _scored(shelf, chosen, shelf.popularity[chosen].tolist())


def _scored(shelf: Shelf, numbers: Ints, scores: Sequence[float]) -> list[ScoredItem]:
    return [ScoredItem(shelf.ids[n], round(score, 4)) for n, score in zip(numbers.tolist(), scores, strict=True)]


def _widening(
    popular: Popular | None, shelf: Shelf | None, asked: TrendingQuery
) -> Iterator[tuple[TrendingOf, list[ScoredItem]]]:
    """The lists there are, the narrowest first, each with what it is of."""
    keys: list[tuple[TrendingOf, str]] = [("segment", segment_key(asked.segment))] if asked.segment else []
    keys += [("country", country_key(asked.country))] if asked.country else []
    keys += [("everybody", EVERYBODY)]
    for of, key in keys:
        if popular is not None and key in popular.trending:
            yield of, [ScoredItem(item_id, score) for item_id, score in popular.trending[key]]
    if shelf is not None:
        numbers = shelf.popular
        if asked.category:  # the whole shelf: what is popular in a small category may be far down
            numbers = numbers[
                np.array([asked.category in shelf.category_sets[n] for n in numbers.tolist()], dtype=bool)
            ]
        yield "popular", _scored(shelf, numbers[: asked.limit], shelf.popularity[numbers[: asked.limit]].tolist())


def _in_category(entries: list[ScoredItem], shelf: Shelf | None, category: str) -> list[ScoredItem]:
    if not category:
        return entries
    if shelf is None:
        return []
    number, sets = shelf.number, shelf.category_sets
    return [e for e in entries if (n := number.get(e.item_id)) is not None and category in sets[n]]


def _shared(caller: Caller, used: Sequence[tuple[str, Loaded]], body: SimilarItems | TrendingItems) -> Response:
    generations = [(kind, loaded.number) for kind, loaded in used]
    keys = surrogate_keys(caller.tenant, generations, [item.item_id for item in body.items])
    return reply(body, headers={"surrogate-key": keys})
