"""Candidates for one reply: the precomputed list, what goes with what was just touched, what one bought, what is popular."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayce.decay import DAY_MS
from rayce.features.session import TOUCHED_HALF_LIFE_MS
from rayce.precomputed import List
from rayce.profile import Profile
from rayce.shelf import NOTHING, Floats, Ints, Shelf

PRECOMPUTED, SESSION, BOUGHT, POPULAR, GIVEN = range(5)
SOURCES = ("precomputed", "session", "bought_before", "popular", "given")

MAX_ANCHORS = 10
"""Products just touched whose neighbours are looked up."""
ANCHOR_AGE_MS = 2 * DAY_MS


class Wish(Struct, frozen=True, array_like=True):
    """What a reply may contain."""

    limit: int = 10
    exclude: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    session_items: tuple[str, ...] = ()
    suppress_s: int = 86_400


class Candidates(NamedTuple):
    """Item numbers without repetition, and by candidate: source, precomputed score and rank, session score, its anchor."""

    items: Ints
    source: NDArray[np.int8]
    list_score: Floats
    list_rank: Floats
    session_score: Floats
    because: Ints


def find_candidates(
    shelf: Shelf, profile: Profile | None, precomputed: List, wish: Wish, now_ms: int, limit: int
) -> Candidates:
    """At most `limit` candidates as of `now_ms`, in order of trust in their source; a contextual reply has no profile."""
    listed = [(shelf.number[i], score) for i, score in precomputed if i in shelf.number]
    anchors = _anchors(shelf, profile, wish, now_ms)
    near = _neighbours(shelf, anchors)
    score_of = dict(listed)
    rank_of = {item: rank for rank, (item, _score) in enumerate(listed)}
    found: dict[int, int] = {}
    if wish.candidates:
        _add(found, shelf.numbers(wish.candidates), GIVEN, limit)
    else:
        _add(found, sorted(near, key=lambda n: (-near[n][0], n)), SESSION, limit // 4)
        _add(found, [item for item, _score in listed], PRECOMPUTED, limit // 2)
        _add(found, _bought(shelf, profile, now_ms), BOUGHT, limit // 4)
        _add(found, shelf.popular[:limit].tolist(), POPULAR, limit)
    kept = _allowed(shelf, list(found), forbidden(profile, wish, now_ms), wish)[:limit]
    return Candidates(
        items=np.array(kept, dtype=np.int32),
        source=np.array([found[n] for n in kept], dtype=np.int8),
        list_score=np.array([score_of.get(n, 0.0) for n in kept], dtype=np.float32),
        list_rank=np.array([rank_of.get(n, len(listed) + 1) for n in kept], dtype=np.float32),
        session_score=np.array([near[n][0] if n in near else 0.0 for n in kept], dtype=np.float32),
        because=np.array([near[n][1] if n in near else NOTHING for n in kept], dtype=np.int32),
    )


def forbidden(profile: Profile | None, wish: Wish, now_ms: int) -> set[str]:
    """What must not be shown: excluded, just bought, already in the cart."""
    if profile is None:
        return set(wish.exclude)
    since_ms = now_ms - wish.suppress_s * 1000
    bought = {item for item, had in profile.bought.items() if had.last_ms > since_ms}
    return bought.union(wish.exclude, profile.cart)


def _add(found: dict[int, int], numbers: Collection[int], source: int, most: int) -> None:
    for number in list(numbers)[:most]:
        found.setdefault(number, source)


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


def _neighbours(shelf: Shelf, anchors: dict[int, float]) -> dict[int, tuple[float, int]]:
    """By item number, the summed weighted score and the anchor that gives most of it."""
    near: dict[int, tuple[float, int]] = {}
    best: dict[int, float] = {}
    for anchor, weight in anchors.items():
        scores = (shelf.neighbour_scores[anchor] * weight).tolist()
        for number, score in zip(shelf.neighbours[anchor].tolist(), scores, strict=True):
            if number == NOTHING:
                break
            total, because = near.get(number, (0.0, anchor))
            if score > best.get(number, 0.0):
                best[number], because = score, anchor
            near[number] = (total + score, because)
    return near


def _bought(shelf: Shelf, profile: Profile | None, now_ms: int) -> list[int]:
    """What one bought, the strongest habit first."""
    if profile is None:
        return []
    ranked = sorted(profile.bought.items(), key=lambda entry: (-entry[1].weight, entry[0]))
    return shelf.numbers([item_id for item_id, _had in ranked])


def _allowed(shelf: Shelf, numbers: list[int], forbidden_ids: set[str], wish: Wish) -> list[int]:
    wanted = set(wish.categories)
    return [
        n
        for n in numbers
        if shelf.available[n]
        and shelf.ids[n] not in forbidden_ids
        and (not wanted or not wanted.isdisjoint(shelf.category_sets[n]))
    ]
