"""Training of the ranker on the last weeks of a history, with what was known before them, so that nothing leaks."""

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct

from rayce.candidates import Wish
from rayce.decay import DAY_MS
from rayce.errors import NotEnoughData
from rayce.event import Event
from rayce.history import replay
from rayce.light_model import LightModel
from rayce.model import Model
from rayce.past import Past
from rayce.ranker_evaluation import evaluate_ranker
from rayce.ranking import RANKING_FEATURES
from rayce.ranking_examples import Example, Examples, chance_of
from rayce.training import Rows, Trained, train_ranker, trained

WINDOW_MS = 28 * DAY_MS
HELD_OUT = 0.25
"""The share of the window, at its end, on which the ranker is checked."""
MAX_TRAIN, MAX_HELD_OUT = 7_000, 2_400
"""Baskets; of more a sample is taken."""
MIN_TRAIN, MIN_HELD_OUT = 30, 10
NEGATIVES = 35
"""Candidates that were not bought kept for each basket: 7,000 baskets make about 270,000 rows."""
REHEARSED = 0.5
"""The share of baskets in which a session is rehearsed, where there was none."""


class Serving(Struct, frozen=True):
    """How replies are made: candidates ranked for one, and how long a bought product stays away."""

    candidates: int = 200
    suppress_s: int = 86_400


def window_start(from_ms: int, until_ms: int) -> int:
    """Where training begins: four weeks before the end, or at three fifths of a shorter history."""
    return until_ms - min(WINDOW_MS, (until_ms - from_ms) * 2 // 5)


def train(
    past: Past, later: Sequence[Event], until_ms: int, serving: Serving, say: Callable[[str], None] = lambda _: None
) -> Trained:
    """A ranker trained on the purchases among the later events; `NotEnoughData` says what is missing."""
    split_ms = until_ms - int(HELD_OUT * (until_ms - past.at_ms))
    training, held_out = _examples(past, later, split_ms, serving)
    rows, check = as_rows(training), as_rows(held_out)
    say(f"{len(training):,} baskets to train on, {len(held_out):,} to check on; {len(rows.labels):,} rows")
    if len(rows.labels) == 0 or len(check.labels) == 0:
        raise NotEnoughData("no basket held both a candidate and something else: is the catalogue that of the history?")
    booster = train_ranker(rows, check, RANKING_FEATURES)
    files = trained(booster, "ranker", RANKING_FEATURES, rows, {}).files
    model, light = Model.from_files(files), LightModel.from_files(files)
    metrics = evaluate_ranker(model, light, past.shelf, held_out, Wish(suppress_s=serving.suppress_s))
    return trained(booster, "ranker", RANKING_FEATURES, rows, metrics)


def as_rows(examples: Sequence[Example]) -> Rows:
    """The rows of the examples that have something to order, one group each."""
    useful = [each for each in examples if 0 < int(each.bought.sum()) < len(each.bought)]
    sizes = np.array([len(each.bought) for each in useful], dtype=np.int32)
    return Rows(
        features=np.concatenate([np.zeros((0, len(RANKING_FEATURES))), *(each.features for each in useful)]),
        labels=np.concatenate([np.zeros(0, np.int8), *(each.bought.astype(np.int8) for each in useful)]),
        at_ms=np.repeat(np.array([each.at_ms for each in useful], dtype=np.int64), sizes),
        groups=sizes,
    )


def _examples(
    past: Past, later: Sequence[Event], split_ms: int, serving: Serving
) -> tuple[list[Example], list[Example]]:
    """(those before the split, thinned; those from it on, whole)."""
    purchases = np.array([event.timestamp_ms >= split_ms for event in later if event.type == "purchase"], dtype=bool)
    held_out = int(purchases.sum())
    counts = (len(purchases) - held_out, held_out)
    if counts[0] < MIN_TRAIN or counts[1] < MIN_HELD_OUT:
        raise NotEnoughData(
            f"{counts[0]} baskets to train the ranker on and {counts[1]} to check it on;"
            f" {MIN_TRAIN} and {MIN_HELD_OUT} are needed"
        )
    maker = Examples(past.shelf, past.lists.of, Wish(suppress_s=serving.suppress_s), serving.candidates)
    share = (MAX_TRAIN / counts[0], MAX_HELD_OUT / counts[1])
    kept: tuple[list[Example], list[Example]] = ([], [])
    for before, event, _after in replay(later, dict(past.people)):
        part = int(event.timestamp_ms >= split_ms)
        if event.type != "purchase" or not event.items:
            continue
        chance = chance_of(event)
        if chance.random() < share[part]:
            example = maker.make(before, event, chance if chance.random() < REHEARSED else None)
            kept[part].append(example if part else _thinned(example, chance))
    for examples in kept:
        examples.sort(key=lambda example: example.at_ms)
    return kept


def _thinned(example: Example, chance: np.random.Generator) -> Example:
    """The example with all that was bought and at most `NEGATIVES` of what was not."""
    others = np.flatnonzero(~example.bought)
    if len(others) <= NEGATIVES:
        return example
    chosen = np.sort(np.concatenate([np.flatnonzero(example.bought), chance.choice(others, NEGATIVES, replace=False)]))
    return example._replace(
        items=example.items[chosen], features=example.features[chosen], bought=example.bought[chosen]
    )
