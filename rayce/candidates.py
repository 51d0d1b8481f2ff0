"""Candidates for one reply: what goes with what was just touched, the precomputed list, what one bought, what is new.

The person's own sources come first, in order of trust; what is trending and what is new have a small share of their own; what
is popular fills the rest. Everything is deterministic: chance comes in as `Wish.seed`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayce.decay import DAY_MS
from rayce.features.session import TOUCHED_HALF_LIFE_MS
from rayce.precomputed import List
from rayce.profile import Profile
from rayce.shelf import NOTHING, Floats, Ints, Shelf
from rayce.trending import trending_keys

PRECOMPUTED, SESSION, BOUGHT, POPULAR, GIVEN, NEIGHBOURS, TRENDING, NEW, PINNED = range(9)
SOURCES = (
    "precomputed",
    "session",
    "bought_before",
    "popular",
    "given",
    "similar_sessions",
    "trending",
    "new",
    "pinned",
)

MAX_ANCHORS = 10
"""Products just touched whose neighbours are looked up."""
ANCHOR_AGE_MS = 2 * DAY_MS
NEW_MS = 14 * DAY_MS
"""Younger items are new: nobody knows yet whether they are liked."""
MAX_NEW = 500
"""Of more new items only the newest are tried out."""
NEW_SHARE = TRENDING_SHARE = 20
"""One candidate in so many, at most."""

_FORBIDDEN = -1


class Wish(Struct, frozen=True, array_like=True):
    """What a reply may contain.

    `country` (ISO code) and `segments` (names in force) choose what is trending; `seed` chooses among new items, 0: none is
    tried out.
    """

    limit: int = 10
    exclude: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    session_items: tuple[str, ...] = ()
    suppress_s: int = 86_400
    country: str = ""
    segments: tuple[str, ...] = ()
    seed: int = 0


class Candidates(NamedTuple):
    """Item numbers without repetition, and by candidate: source, precomputed score and rank, session score, its anchor.

    `tried` is how likely a new item was among all those that might have been tried out. `certain` are those of them that would
    be here whatever chance said, as they are popular enough.
    """

    items: Ints
    source: NDArray[np.int8]
    list_score: Floats
    list_rank: Floats
    session_score: Floats
    because: Ints
    tried: float = 1.0
    certain: tuple[int, ...] = ()

    def explored(self, place: int) -> bool:
        """Whether chance chose this candidate."""
        return int(self.source[place]) == NEW

    def propensity(self, place: int) -> float:
        """How likely this candidate was to be one, given everything but the seed."""
        return self.chance_of(int(self.items[place]), int(self.source[place]))

    def chance_of(self, item: int, source: int) -> float:
        """The same of a candidate and its source."""
        return self.tried if source == NEW and item not in self.certain else 1.0


NO_CANDIDATES = Candidates(
    items=np.empty(0, dtype=np.int32),
    source=np.empty(0, dtype=np.int8),
    list_score=np.empty(0, dtype=np.float32),
    list_rank=np.empty(0, dtype=np.float32),
    session_score=np.empty(0, dtype=np.float32),
    because=np.empty(0, dtype=np.int32),
)

_Part = tuple[Ints, int]
"""Item numbers and their source."""


class _Near(NamedTuple):
    """Neighbours of the anchors: item numbers ascending, summed weighted score, and the anchor that gives most of it."""

    items: Ints
    score: NDArray[np.float64]
    because: Ints


_NONE: Ints = np.empty(0, dtype=np.int32)
_NO_SCORES: NDArray[np.float64] = np.empty(0)
_NOTHING_NEAR = _Near(_NONE, _NO_SCORES, _NONE)


def find_candidates(
    shelf: Shelf, profile: Profile | None, precomputed: List, wish: Wish, now_ms: int, limit: int
) -> Candidates:
    """At most `limit` candidates as of `now_ms`, in order of trust in their source; a contextual reply has no profile."""
    listed, list_scores = _listed(shelf, precomputed)
    near = _neighbours(shelf, _anchors(shelf, profile, wish, now_ms))
    tried, chance = _NONE, 1.0
    if wish.candidates:
        own = [(_array(shelf.numbers(wish.candidates)[:limit]), GIVEN)]
        more = []
    else:
        tried, chance = _tried(shelf, wish, now_ms, limit // NEW_SHARE)
        best = near.items[np.lexsort((near.items, -near.score))]
        own = [
            (best[: limit // 4], SESSION),
            (_of_sessions(shelf, profile, wish, now_ms, limit // 8), NEIGHBOURS),
            (listed[: limit // 2], PRECOMPUTED),
            (_bought(shelf, profile, limit // 4), BOUGHT),
        ]
        trending = _trending(shelf, wish, limit // TRENDING_SHARE)
        more = [(trending, TRENDING), (tried, NEW), (shelf.popular[:limit], POPULAR)]
    banned = _array(shelf.numbers(list(forbidden(profile, wish, now_ms))))
    items, source = _merged(banned, own, more, shelf, wish, limit)
    at, is_listed = _places(items, listed)
    near_at, is_near = _places(items, near.items)
    return Candidates(
        items=items,
        source=source,
        list_score=_column(list_scores, at, is_listed),
        list_rank=np.where(is_listed, at, len(listed) + 1).astype(np.float32),
        session_score=_column(near.score, near_at, is_near),
        because=np.where(is_near, near.because[near_at], NOTHING)
        if len(near.items)
        else np.full(len(items), NOTHING, dtype=np.int32),
        tried=chance,
        certain=_certain(shelf, items, source, limit) if chance < 1.0 else (),
    )


def forbidden(profile: Profile | None, wish: Wish, now_ms: int) -> set[str]:
    """What must not be shown: excluded, just bought, already in the cart."""
    if profile is None:
        return set(wish.exclude)
    since_ms = now_ms - wish.suppress_s * 1000
    bought = {item for item, had in profile.bought.items() if had.last_ms > since_ms}
    return bought.union(wish.exclude, profile.cart)


def _merged(
    banned: Ints, own: Sequence[_Part], more: Sequence[_Part], shelf: Shelf, wish: Wish, limit: int
) -> tuple[Ints, NDArray[np.int8]]:
    """Each allowed item once, with the first source that names it; what is the person's own leaves the other shares free."""
    parts = [(banned, _FORBIDDEN), *own, *more]
    numbers = np.concatenate([items for items, _source in parts])
    source = np.repeat(
        np.array([source for _items, source in parts], dtype=np.int8), [len(items) for items, _source in parts]
    )
    order = np.argsort(numbers, kind="stable")
    ascending = numbers[order]
    first = np.ones(len(order), dtype=np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
    kept = np.sort(order[first])
    numbers, source = numbers[kept], source[kept]
    good = (source != _FORBIDDEN) & shelf.available[numbers]
    if wish.categories:
        good &= _in_categories(shelf, numbers, wish.categories)
    numbers, source = numbers[good], source[good]
    shares = np.bincount(source, minlength=len(SOURCES))
    shared = int(shares[TRENDING] + shares[NEW])
    mine = len(numbers) - shared - int(shares[POPULAR])
    if shared and mine > limit - shared:
        chosen = np.r_[: limit - shared, mine : mine + shared]
        return numbers[chosen], source[chosen]
    return numbers[:limit], source[:limit]


def _anchors(shelf: Shelf, profile: Profile | None, wish: Wish, now_ms: int) -> dict[int, float]:
    """Products just touched, with their weight: the page's own session first, then the profile's."""
    anchors = dict.fromkeys(shelf.numbers(wish.session_items[-MAX_ANCHORS:]), 1.0)
    if profile is not None:
        recent = sorted(profile.touched.items(), key=lambda entry: -entry[1][0])[:MAX_ANCHORS]
        for item_id, (at_ms, weight) in recent:
            number = shelf.number.get(item_id)
            if number is not None and now_ms - at_ms < ANCHOR_AGE_MS:
                decay = 2.0 ** (min(0, at_ms - now_ms) / TOUCHED_HALF_LIFE_MS)
                anchors[number] = max(anchors.get(number, 0.0), weight * decay)
    return anchors


def _neighbours(shelf: Shelf, anchors: dict[int, float]) -> _Near:
    if not anchors:
        return _NOTHING_NEAR
    rows = np.fromiter(anchors, dtype=np.int32, count=len(anchors))
    weights = np.fromiter(anchors.values(), dtype=np.float64, count=len(anchors)).astype(np.float32)
    items = shelf.neighbours[rows].ravel()
    score = (shelf.neighbour_scores[rows] * weights[:, None]).ravel()
    anchor = np.repeat(rows, shelf.neighbours.shape[1])
    known = items != NOTHING
    items, score, anchor = items[known], score[known].astype(np.float64), anchor[known]
    order = np.lexsort((-score, items))  # of one item the strongest anchor first, of equal ones the first
    ascending = items[order]
    first = np.ones(len(order), dtype=np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
    group = np.empty(len(order), dtype=np.intp)
    group[order] = np.cumsum(first) - 1
    return _Near(ascending[first], np.asarray(np.bincount(group, score), dtype=np.float64), anchor[order[first]])


def _listed(shelf: Shelf, precomputed: List) -> tuple[Ints, NDArray[np.float64]]:
    """Numbers and scores of the precomputed list's items that are on the shelf."""
    if not precomputed:
        return _NONE, _NO_SCORES
    ids, scores = zip(*precomputed, strict=True)
    numbers = [NOTHING if n is None else n for n in map(shelf.number.get, ids)]
    found, of_found = _array(numbers), np.array(scores, dtype=np.float64)
    known = found != NOTHING
    return found[known], of_found[known]


def _bought(shelf: Shelf, profile: Profile | None, most: int) -> Ints:
    """What one bought, the strongest habit first."""
    if profile is None:
        return _NONE
    weights = [-had.weight for had in profile.bought.values()]
    ids = [item_id for _weight, item_id in sorted(zip(weights, profile.bought, strict=True))]
    found = shelf.numbers(ids[:most])
    if len(found) < most:
        found += shelf.numbers(ids[most:])[: most - len(found)]
    return _array(found)


def _of_sessions(shelf: Shelf, profile: Profile | None, wish: Wish, now_ms: int, most: int) -> Ints:
    """What others took next in sessions like this one."""
    if shelf.sessions is None or most == 0:
        return _NONE
    own = profile.session if profile is not None else None
    items = own.items if own is not None and now_ms - own.last_ms < ANCHOR_AGE_MS else ()
    touched = shelf.numbers([*items, *wish.session_items])
    items_now = [n for n in touched if n < shelf.settled]  # no session holds what came since
    return shelf.sessions.near(items_now, most).items if items_now else _NONE


def _trending(shelf: Shelf, wish: Wish, most: int) -> Ints:
    """Taken in turn from the lists of the person's country and segments; from everybody's where there is none."""
    lists = [shelf.trending[key] for key in trending_keys(wish.country, wish.segments) if key in shelf.trending]
    if not lists:
        return shelf.trending.get("", _NONE)[:most]
    ranks = np.concatenate([np.arange(len(one)) for one in lists])
    in_turn = np.concatenate(lists)[np.argsort(ranks, kind="stable")]
    return _array(list(dict.fromkeys(in_turn.tolist()))[:most])


def _tried(shelf: Shelf, wish: Wish, now_ms: int, most: int) -> tuple[Ints, float]:
    """At most `most` of the new items as the seed says, and the chance that each of them had."""
    if wish.seed == 0 or most == 0:
        return _NONE, 1.0
    newest = shelf.newest[:MAX_NEW]
    added_ms = shelf.added_ms[newest]
    pool = newest[(added_ms > now_ms - NEW_MS) & (added_ms <= now_ms)]
    if wish.categories:
        pool = pool[_in_categories(shelf, pool, wish.categories)]
    if len(pool) <= most:
        return pool, 1.0
    return pool[np.argsort(_hashed(pool, wish.seed), kind="stable")[:most]], most / len(pool)


def _certain(shelf: Shelf, items: Ints, source: NDArray[np.int8], limit: int) -> tuple[int, ...]:
    """Of what was tried out, what the popular ones that fill the rest would have brought: it stands before the last of them."""
    popular, filled = shelf.popular[:limit], items[source == POPULAR]
    if len(items) < limit:
        within = popular
    elif len(filled):
        within = popular[: int(np.flatnonzero(popular == filled[-1])[0])]
    else:
        return ()
    return tuple(item for item in items[source == NEW].tolist() if item in within)


def _hashed(numbers: Ints, seed: int) -> NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea & Flood, OOPSLA 2014) of numbers and seed: the same everywhere."""
    mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed & 0xFFFFFFFFFFFFFFFF)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _in_categories(shelf: Shelf, numbers: Ints, categories: Sequence[str]) -> NDArray[np.bool_]:
    wanted = set(categories)
    return np.array([not wanted.isdisjoint(shelf.category_sets[n]) for n in numbers.tolist()], dtype=np.bool_)


def _places(items: Ints, among: Ints) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each item stands in `among` (the last time it does), and whether it does."""
    if not len(among):
        return np.zeros(len(items), dtype=np.intp), np.zeros(len(items), dtype=np.bool_)
    order = np.argsort(among, kind="stable")
    at = order[np.searchsorted(among[order], items, side="right") - 1]
    return at, among[at] == items


def _column(values: NDArray[np.float64], at: NDArray[np.intp], known: NDArray[np.bool_]) -> Floats:
    return np.where(known, values[at], 0.0).astype(np.float32) if len(values) else np.zeros(len(at), dtype=np.float32)


def _array(numbers: Sequence[int]) -> Ints:
    return np.array(numbers, dtype=np.int32)
