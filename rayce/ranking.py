"""Ranking: the features of (person, item, moment) that training and serving share, and the order of one reply."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rayce.candidates import BOUGHT, NEW, SESSION, SOURCES, Candidates, Wish, find_candidates
from rayce.own_history import OwnHistory
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
    """One item of a reply: where it came from, and the product it goes with, if any.

    The rest only where an explanation was asked for: the rules that touched it, its score after them, and the features that
    moved the model's score most, by what they added to it. `propensity` is how likely chance was to let it stand for a place: 1
    for all but new items that are tried out (`is_tried`).
    """

    item_id: str
    score: float
    source: str
    because: str | None
    rules: tuple[str, ...] = ()
    after_rules: float | None = None
    factors: dict[str, float] | None = None
    propensity: float = 1.0
    is_tried: bool = False


class Ranker(Protocol):
    """A model of many rows."""

    features: tuple[str, ...]

    def score_many(self, rows: Matrix) -> NDArray[np.float64]:
        """One score a row; greater is better."""
        ...


def ranking_matrix(shelf: Shelf, profile: Profile | None, found: Candidates, now_ms: int) -> Matrix:
    """Candidates × `RANKING_FEATURES`, as of `now_ms`. Only what was known then enters it."""
    items = found.items
    own = OwnHistory(shelf, profile or Profile(), items, now_ms)
    price = shelf.price[items]
    matrix = np.empty((len(RANKING_FEATURES), len(items)))
    columns: tuple[NDArray[np.floating] | float, ...] = (
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
        price / own.mean_price if own.mean_price else 1.0,
        own.baskets,
        own.days_since_purchase,
    )
    for row, column in zip(matrix, columns, strict=True):
        row[:] = column
    return matrix.T


class Slate(NamedTuple):
    """Candidates with what the model was told of them, its scores, and the candidates' places in order, best first.

    Where each comes from, and its anchor, are in `found`.
    """

    found: Candidates
    scores: NDArray[np.float64]
    order: NDArray[np.intp]
    features: Matrix


def slate(
    shelf: Shelf,
    model: Ranker,
    profile: Profile | None,
    precomputed: List,
    wish: Wish,
    now_ms: int,
    candidates: int,
) -> Slate:
    """At most `candidates` of them in order; equal scores go by the candidates' order."""
    return scored(shelf, model, profile, find_candidates(shelf, profile, precomputed, wish, now_ms, candidates), now_ms)


def scored(shelf: Shelf, model: Ranker, profile: Profile | None, found: Candidates, now_ms: int) -> Slate:
    """The same of candidates that were found already."""
    features = ranking_matrix(shelf, profile, found, now_ms)
    scores = model.score_many(features) if len(features) else np.zeros(0)
    return Slate(found, scores, np.argsort(-scores, kind="stable"), features)


def as_ranked(shelf: Shelf, slate: Slate, places: Sequence[int], profile: Profile | None) -> list[Ranked]:
    """Those places of the slate as a reply tells them, with the strongest reason."""
    found, at = slate.found, np.asarray(places, dtype=np.intp)
    parts = (found.items[at], slate.scores[at], found.source[at], found.because[at])
    return [
        Ranked(
            shelf.ids[item],
            round(score, 4),
            _reason(source, because != NOTHING, shelf.ids[item], profile),
            shelf.ids[because] if because != NOTHING else None,
            propensity=found.chance_of(item, source) if source == NEW else 1.0,
            is_tried=source == NEW,
        )
        for item, score, source, because in zip(*(part.tolist() for part in parts), strict=True)
    ]


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
    found = slate(shelf, model, profile, precomputed, wish, now_ms, candidates)
    return as_ranked(shelf, found, found.order[: wish.limit].tolist(), profile)


def _reason(source: int, has_anchor: bool, item_id: str, profile: Profile | None) -> str:
    """The strongest reason first: it goes with what was just touched, it is a habit, it came from there."""
    if has_anchor:
        return SOURCES[SESSION]
    if profile is not None and item_id in profile.bought:
        return SOURCES[BOUGHT]
    return SOURCES[source]
