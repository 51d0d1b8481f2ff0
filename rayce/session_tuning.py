"""Knobs of the session neighbours, chosen on the end of a history: what is foretold there is not known to what foretells.

A walk along the knobs one by one, each made smaller and greater, from those that were good elsewhere. A step must pay: on a few
thousand questions small differences are chance.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from rayce.session_neighbours import KNOBS, Knobs, Sessions
from rayce.session_rows import SessionRows

LIMIT = 20
HELD_OUT = 1 / 12
QUESTIONS = 4_000
PAYS = 0.0005
"""A step must better the score by this share."""
WALKED = (
    "fading",
    "rarity",
    "power",
    "brevity",
    "after",
    "back",
    "before",
    "itself",
    "last",
    "last_back",
    "again",
    "age",
)
FACTORS = (0.5, 0.75, 1.4, 2.2)


class Question(NamedTuple):
    """A session so far, oldest first, and the item that came next; -1: one that is not known."""

    session: Sequence[int]
    label: int


class Hits(NamedTuple):
    """Of the questions: the share whose label is among the first `LIMIT`, and the mean of 1 / its rank (0 beyond)."""

    hit_rate: float
    mrr: float

    @property
    def score(self) -> float:
        """Both as one number; the hit rate is about twice the other."""
        return self.hit_rate + 2 * self.mrr


def measure(sessions: Sessions, questions: Sequence[Question]) -> Hits:
    """How well the next items are foretold: all items ranked, repeats allowed."""
    hits, gain = 0, 0.0
    for question in questions:
        found = sessions.near(question.session, LIMIT).items.tolist()
        if question.label in found:
            hits, gain = hits + 1, gain + 1 / (found.index(question.label) + 1)
    return Hits(hits / max(len(questions), 1), gain / max(len(questions), 1))


def tuned(rows: SessionRows, n_items: int, chance: np.random.Generator, rounds: int = 1) -> Knobs:
    """The knobs that foretell the latest sessions best from the earlier ones; deterministic given `chance`."""
    n_sessions = len(rows.starts) - 1
    cut = n_sessions - max(1, int(n_sessions * HELD_OUT)) if n_sessions > 1 else n_sessions
    earlier = _part(rows, 0, cut)
    asked = list(_questions(_part(rows, cut, n_sessions)))
    if not asked or not len(earlier.items):
        return KNOBS
    chosen = np.sort(chance.permutation(len(asked))[:QUESTIONS])
    questions = [asked[n] for n in chosen.tolist()]
    best, knobs = measure(Sessions(earlier, n_items), questions), KNOBS
    for name in WALKED * rounds:
        for factor in FACTORS:
            tried = knobs._replace(**{name: getattr(knobs, name) * factor})
            found = measure(Sessions(earlier, n_items, tried), questions)
            if found.score > best.score * (1 + PAYS):
                best, knobs = found, tried
                break
    return knobs


def _part(rows: SessionRows, begin: int, end: int) -> SessionRows:
    first, last = rows.starts[begin], rows.starts[end]
    return SessionRows(rows.starts[begin : end + 1] - first, rows.items[first:last], rows.places[first:last])


def _questions(rows: SessionRows) -> Iterator[Question]:
    for begin, end in zip(rows.starts[:-1].tolist(), rows.starts[1:].tolist(), strict=True):
        items = rows.items[begin:end].tolist()
        yield from (Question(items[:n], items[n]) for n in range(1, len(items)))
