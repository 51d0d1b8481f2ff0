"""Synthetic people who rate films, as many as in MovieLens-1M: for `benchmarks.sequence` where there is no data set.

Everybody has a taste over genres that drifts; films have genres, a time, and a skewed popularity. One film leads to another
that is near it, or to something popular of the taste of the day. What recommenders reach here says little about any real set.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

GENRES, NEAR = 18, 24
LEADS_ON, TRIED = 0.6, 24
LEAST, MEAN = 18, 165


class Films(NamedTuple):
    """How many people, and how many films."""

    people: int
    items: int


SIZE = Films(6_040, 3_416)


def films(size: Films, seed: int = 0) -> pa.Table:
    """user, items: nobody takes an item twice."""
    chance = np.random.default_rng(seed)
    place = _normed(chance.gamma(0.15, size=(size.items, GENRES)) + 0.3 * chance.random((size.items, GENRES)))
    popular = (1 + chance.permutation(size.items)) ** -0.7
    near = _near(place, chance.random(size.items))
    lengths = np.minimum(LEAST + chance.lognormal(0, 1.1, size.people) * (MEAN - LEAST) / 1.83, size.items // 3)
    lists = [_one(place, popular / popular.sum(), near, int(length), chance) for length in lengths]
    users = pa.array(np.arange(size.people))
    return pa.table({"user": users, "items": pa.array(lists, pa.list_(pa.int64()))})


def _one(
    place: np.ndarray, popular: np.ndarray, near: np.ndarray, length: int, chance: np.random.Generator
) -> np.ndarray:
    """One person's films: of what comes to mind, popular ones, the one most to the taste of the day."""
    taste, later = _normed(chance.gamma(0.3, size=(2, place.shape[1])))
    minds = chance.choice(len(place), (length + length // 2 + 8, TRIED), p=popular)
    leads, which = chance.random(len(minds)), (near.shape[1] * chance.random(len(minds)) ** 2).astype(np.int64)
    taken: dict[int, None] = {}
    last = int(minds[0, 0])
    for n, mind in enumerate(minds):
        if leads[n] < LEADS_ON:
            film = int(near[last, which[n]])
        else:
            drift = n / len(minds)
            film = int(mind[np.argmax(place[mind] @ ((1 - drift) * taste + drift * later))])
        last = film
        taken[film] = None
        if len(taken) == length:
            break
    return np.array(list(taken))


def _near(place: np.ndarray, when: np.ndarray) -> np.ndarray:
    """films × `NEAR`: those most alike in genres and time, the nearest first."""
    alike = place @ place.T - np.abs(when[:, None] - when[None, :])
    np.fill_diagonal(alike, -np.inf)
    return np.argsort(-alike, axis=1, kind="stable")[:, :NEAR]


def _normed(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
