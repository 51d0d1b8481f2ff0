"""Which blend of what is met together, what follows and what is alike says best what comes next: tried on later sessions.

The last tenth of the time is held out; what its sessions touched next, item after item, is what tables of the time before
have to foretell (mean reciprocal rank of twenty). The blends tried are few and the questions many; and another one than the
plainest has to be better than it beyond doubt: by more than twice the standard error of the difference.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.affinities.following import following, walk_of
from rayce.affinities.tables import Table, merged
from rayce.affinities.together import Scheme, neighbours
from rayce.interactions import Interactions
from rayce.shelf import Ints

RECENT_ROWS = 2_000_000
"""Of a longer history the latest rows are tried on."""
HELD_OUT = 0.1
QUESTIONS, FEWEST = 3_000, 100
"""Fewer questions choose nothing."""
LIMIT = 20


Gains = NDArray[np.float64]
"""By question."""


class Blend(NamedTuple):
    """The scheme of what is met together, which counts 1, and the weights of the other parts against it."""

    scheme: Scheme = "cosine"
    follows: float = 0.0
    alike: float = 0.05


class Chosen(NamedTuple):
    """The blend, its mean reciprocal rank on so many questions, and that of plain cosine; 0 where there were too few."""

    blend: Blend
    questions: int = 0
    mrr: float = 0.0
    cosine_mrr: float = 0.0


PLAIN = Blend("cosine", 0.0, 0.0)
SCHEMES: tuple[Scheme, ...] = ("cosine", "bm25")
BLENDS = tuple(Blend(*each) for each in product(SCHEMES, (0.0, 0.3, 1.0), (0.05, 0.2, 0.6)))
"""The plainest first. What is alike always has a little weight: it is all that is known of cold items."""
DEFAULT = BLENDS[0]
DOUBT = 2.0
"""Standard errors."""


def choose(interactions: Interactions, alike: Table, n_items: int, blends: Sequence[Blend] = BLENDS) -> Chosen:
    """The best of `blends` on the end of this history, the first where none is clearly better or it is too short to tell."""
    recent = _latest(interactions)
    if not len(recent.item):
        return Chosen(blends[0])
    cut_ms = int(np.quantile(recent.at_ms, 1.0 - HELD_OUT, method="lower"))
    asked, wanted = _questions(recent, cut_ms)
    if len(asked) < FEWEST:
        return Chosen(blends[0], len(asked))
    before = recent.where(recent.at_ms < cut_ms)
    anchors, row = np.unique(asked, return_inverse=True)
    met = {
        scheme: _asked(Table(*neighbours(before.session, before.item, n_items, scheme=scheme)), anchors)
        for scheme in {blend.scheme for blend in blends} | {PLAIN.scheme}
    }
    walk = walk_of(before.person, before.session, before.item, before.at_ms)
    follows, like = _asked(following(walk, n_items, cut_ms), anchors), _asked(alike, anchors)

    def tried(blend: Blend) -> Gains:
        parts = [(met[blend.scheme], 1.0), (follows, blend.follows), (like, blend.alike)]
        scaled = [(table, weight / typical) for (table, typical), weight in parts]
        return _gains(merged(scaled, n_items, LIMIT).near[row], wanted)

    results = [tried(blend) for blend in blends]
    best = _clearly_best(results)
    return Chosen(blends[best], len(asked), _mean(results[best]), _mean(tried(PLAIN)))


def _asked(table: Table, anchors: Ints) -> tuple[Table, float]:
    """The rows that are asked for, and what is much for the whole table."""
    return table.of(anchors), table.typical()


def _latest(rows: Interactions) -> Interactions:
    if len(rows.item) <= RECENT_ROWS:
        return rows
    since_ms = np.partition(rows.at_ms, len(rows.at_ms) - RECENT_ROWS)[len(rows.at_ms) - RECENT_ROWS]
    return rows.where(rows.at_ms >= since_ms)


def _questions(rows: Interactions, cut_ms: int) -> tuple[Ints, Ints]:
    """(an item, the one that its session touched next), of sessions that began later; evenly chosen among them all."""
    begun = np.full(int(rows.session.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(begun, rows.session, rows.at_ms)
    later = rows.where(begun[rows.session] >= cut_ms)
    walk = walk_of(later.person, later.session, later.item, later.at_ms)
    next_one = (walk.session[:-1] == walk.session[1:]) & (walk.item[:-1] != walk.item[1:])
    found = np.flatnonzero(next_one)
    found = found[np.lexsort((walk.item[found + 1], walk.item[found], walk.at_ms[found]))]  # whoever was met first
    if len(found) > QUESTIONS:
        found = found[np.linspace(0, len(found) - 1, QUESTIONS).astype(np.intp)]
    return walk.item[found], walk.item[found + 1]


def _gains(told: Ints, wanted: Ints) -> Gains:
    """Reciprocal ranks."""
    hit = told == wanted[:, None]
    return np.where(hit.any(axis=1), 1.0 / (hit.argmax(axis=1) + 1), 0.0)


def _clearly_best(results: Sequence[Gains]) -> int:
    """The number of the best result; the first one's where the difference may be chance."""
    best = max(range(len(results)), key=lambda n: (_mean(results[n]), -n))
    more = results[best] - results[0]
    return best if _mean(more) > DOUBT * float(more.std()) / np.sqrt(len(more)) else 0


def _mean(values: Gains) -> float:
    return float(values.mean())
