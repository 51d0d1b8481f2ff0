"""Candidates as they were found one by one, before the loops became arrays: what `rayce.candidates` must agree with."""

from collections.abc import Collection

import numpy as np

from rayce.candidates import (
    ANCHOR_AGE_MS,
    BOUGHT,
    GIVEN,
    MAX_ANCHORS,
    POPULAR,
    PRECOMPUTED,
    SESSION,
    Candidates,
    Wish,
    forbidden,
)
from rayce.features.session import TOUCHED_HALF_LIFE_MS
from rayce.precomputed import List
from rayce.profile import Profile
from rayce.shelf import NOTHING, Shelf


def one_by_one(
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
