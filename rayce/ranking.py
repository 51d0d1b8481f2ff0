"""Ranking: the features of (person, item, moment) that training and serving share, and the order of one reply."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rayce.candidates import BOUGHT, SESSION, SOURCES, Candidates, Wish, find_candidates
from rayce.decay import DAY_MS
from rayce.features import NEVER_DAYS
from rayce.features.purchases import BOUGHT_HALF_LIFE_MS
from rayce.features.session import TOUCHED_HALF_LIFE_MS
from rayce.precomputed import List
from rayce.profile import Profile
from rayce.shelf import NOTHING, Shelf

RANKING_FEATURES = (
    "log_popularity",
    "list_score",
    "list_rank",
    "session_score",
    "group_taste",
    "group_session",
    "brand_taste",
    "own_count",
    "own_weight",
    "own_days_since",
    "own_interval_days",
    "own_overdue",
    "own_share_of_baskets",
    "touched_weight",
    "price",
    "price_ratio",
    "baskets",
    "days_since_purchase",
)
"""Columns of the matrix, in order."""

Matrix = NDArray[np.float64]


class Ranked(NamedTuple):
    """One item of a reply: where it came from, and the product it goes with, if any."""

    item_id: str
    score: float
    source: str
    because: str | None


class Ranker(Protocol):
    """A model of many rows."""

    features: tuple[str, ...]

    def score_many(self, rows: Matrix) -> NDArray[np.float64]:
        """One score a row; greater is better."""
        ...


def ranking_matrix(shelf: Shelf, profile: Profile | None, found: Candidates, now_ms: int) -> Matrix:
    """Candidates × `RANKING_FEATURES`, as of `now_ms`. Only what was known then enters it."""
    items = found.items
    own = _Own(shelf, profile or Profile(), items, now_ms)
    price = shelf.price[items]
    columns = (
        np.log1p(shelf.popularity[items]),
        found.list_score,
        found.list_rank,
        found.session_score,
        own.group_taste,
        own.group_session,
        own.brand_taste,
        own.count,
        own.weight,
        own.days_since,
        own.interval_days,
        own.days_since / np.maximum(own.interval_days, 0.5),
        own.count / max(own.baskets, 1),
        own.touched,
        price,
        price / own.mean_price if own.mean_price else np.ones(len(items)),
        np.full(len(items), own.baskets),
        np.full(len(items), own.days_since_purchase),
    )
    return np.column_stack(columns).astype(np.float64)


def rank(
    shelf: Shelf,
    model: Ranker,
    profile: Profile | None,
    precomputed: List,
    wish: Wish,
    now_ms: int,
    candidates: int,
) -> list[Ranked]:
    """The reply: at most `wish.limit` items, best first; equal scores go by the candidates' order."""
    found = find_candidates(shelf, profile, precomputed, wish, now_ms, candidates)
    if not len(found.items):
        return []
    scores = model.score_many(ranking_matrix(shelf, profile, found, now_ms))
    best = np.argsort(-scores, kind="stable")[: wish.limit]
    return [
        Ranked(
            shelf.ids[found.items[i]],
            round(float(scores[i]), 4),
            _reason(int(found.source[i]), found.because[i] != NOTHING, shelf.ids[found.items[i]], profile),
            shelf.ids[found.because[i]] if found.because[i] != NOTHING else None,
        )
        for i in best.tolist()
    ]


def _reason(source: int, has_anchor: bool, item_id: str, profile: Profile | None) -> str:
    """The strongest reason first: it goes with what was just touched, it is a habit, it came from there."""
    if has_anchor:
        return SOURCES[SESSION]
    if profile is not None and item_id in profile.bought:
        return SOURCES[BOUGHT]
    return SOURCES[source]


class _Own:
    """What a person's own history says of each candidate."""

    def __init__(self, shelf: Shelf, profile: Profile, items: NDArray[np.int32], now_ms: int) -> None:
        bought = [(shelf.number[i], b) for i, b in profile.bought.items() if i in shelf.number]
        touched = [(shelf.number[i], at, w) for i, (at, w) in profile.touched.items() if i in shelf.number]
        position = {int(n): i for i, n in enumerate(items.tolist())}
        size = len(items)
        self.count, self.weight, self.touched = np.zeros(size), np.zeros(size), np.zeros(size)
        self.days_since, self.interval_days = np.full(size, NEVER_DAYS), np.full(size, NEVER_DAYS)
        group_weight, brand_weight = np.zeros(len(shelf.groups)), np.zeros(len(shelf.brands))
        price_sum = price_count = 0.0
        for n, had in bought:
            weight = had.weight * 2.0 ** (min(0, had.last_ms - now_ms) / BOUGHT_HALF_LIFE_MS)
            group_weight[shelf.group[n]] += weight
            brand_weight[shelf.brand[n]] += weight
            if shelf.price[n] == shelf.price[n]:
                price_sum, price_count = price_sum + float(shelf.price[n]), price_count + 1
            at = position.get(n)
            if at is not None:
                self.count[at], self.weight[at] = had.count, weight
                self.days_since[at] = max(0.0, (now_ms - had.last_ms) / DAY_MS)
                if had.count > 1:
                    self.interval_days[at] = (had.last_ms - had.first_ms) / DAY_MS / (had.count - 1)
        group_now = np.zeros(len(shelf.groups))
        for n, at_ms, strength in touched:
            weight = strength * 2.0 ** (min(0, at_ms - now_ms) / TOUCHED_HALF_LIFE_MS)
            group_now[shelf.group[n]] += weight
            if n in position:
                self.touched[position[n]] = weight
        self.group_taste = _share(group_weight)[shelf.group[items]]
        self.brand_taste = _share(brand_weight)[shelf.brand[items]]
        self.group_session = _share(group_now)[shelf.group[items]]
        self.mean_price = price_sum / price_count if price_count else 0.0
        self.baskets = float(profile.baskets)
        last = profile.last_purchase_ms
        self.days_since_purchase = max(0.0, (now_ms - last) / DAY_MS) if last else NEVER_DAYS


def _share(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    total = float(weights.sum())
    return weights / total if total else weights
