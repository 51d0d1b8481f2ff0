"""Learning how to weigh the parts: at moments of the past the candidates, and which of them were bought in the weeks after.

Nothing leaks: at each cut the shelf, the tables and everybody's history are as they were before it. The newest cut tells when
to stop; then its rows are learned from as well.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.affinities import build
from rayce.decay import DAY_MS
from rayce.interactions import Interactions
from rayce.item import Item
from rayce.lists.blend import LEARNED, Blend, Origin
from rayce.lists.boosting import train_trees
from rayce.lists.expected import Expectation
from rayce.lists.histories import Histories, histories_of
from rayce.lists.maker import ListMaker
from rayce.lists.parts import PARTS
from rayce.lists.tables import NEAR, make_tables
from rayce.sequence.learnt import Learnt
from rayce.training import Rows, importance

WINDOW_MS = 28 * DAY_MS
"""What is foretold: who buys what within four weeks."""
CUTS = 5
MOST_PEOPLE = 4_000
"""Of more a sample is learned from at each cut."""
MIN_BUYERS = 50
"""People who buy after a cut; with fewer it teaches nothing."""
OTHERS = 6
"""Of the candidates that were not bought one in so many is learned from, beside those the person has bought before."""
SEED = 20_26
_COUNT = PARTS.index("count")


class Cut(NamedTuple):
    """The rows of one moment: `own` is whether the person had bought the product before."""

    at_ms: int
    rows: Rows
    people: int


def learn(
    items: Sequence[Item],
    interactions: Interactions,
    from_ms: int,
    until_ms: int,
    say: Callable[[str], None] = lambda _: None,
    cuts: int = CUTS,
    most_people: int = MOST_PEOPLE,
    near: int = NEAR,
    past: Learnt | None = None,
) -> Blend:
    """The blend of a history; the fixed weights where it has no two cuts with buyers before and after them.

    `past` is what the order of purchases taught before the last of `cut_moments`; None: the blend does without.
    """
    moments = cut_moments(interactions, from_ms, until_ms, cuts)
    made = list(_cuts(items, interactions, moments, most_people, near, past, say))
    if len(made) < 2:
        say("the history is too short to learn how to weigh the parts of a list: fixed weights")
        return Blend()
    newest, older = made[0], made[1:]
    _booster, metrics = train_trees(_together([cut.rows for cut in older]), newest.rows, PARTS)
    say(f"{metrics['trees']:.0f} trees foretell the newest cut best: log loss {metrics['log_loss']}")
    everything = _together([cut.rows for cut in made])
    booster, _none = train_trees(everything, None, PARTS, max(1, int(metrics["trees"])))
    origin = Origin(
        kind=LEARNED,
        until_ms=until_ms,
        cuts_ms=tuple(cut.at_ms for cut in made),
        window_ms=WINDOW_MS,
        people=sum(cut.people for cut in made),
        rows=len(everything.labels),
        metrics=metrics,
        gain=importance(booster),
    )
    return Blend(booster.model_to_string(), origin)


def cut_moments(interactions: Interactions, from_ms: int, until_ms: int, most: int = CUTS) -> list[int]:
    """The newest first, a window apart, as long as half of the history lies before them and enough people buy after them."""
    found: list[int] = []
    for number in range(1, most + 1):
        cut_ms = until_ms - number * WINDOW_MS
        if cut_ms - from_ms < (until_ms - from_ms) / 2 or len(_buyers(interactions, cut_ms)) < MIN_BUYERS:
            break
        found.append(cut_ms)
    return found


def _buyers(interactions: Interactions, cut_ms: int) -> NDArray[np.int32]:
    """Who bought something in the window after the cut, and did something before it."""
    later = _foretold(interactions, cut_ms)
    before = interactions.person[interactions.at_ms < cut_ms]
    return np.intersect1d(np.unique(interactions.person[later]), np.unique(before))


def _foretold(interactions: Interactions, cut_ms: int) -> NDArray[np.bool_]:
    at_ms = interactions.at_ms
    return (at_ms >= cut_ms) & (at_ms < cut_ms + WINDOW_MS) & interactions.bought


def _cuts(
    items: Sequence[Item],
    interactions: Interactions,
    moments: Sequence[int],
    most_people: int,
    near: int,
    past: Learnt | None,
    say: Callable[[str], None],
) -> Iterator[Cut]:
    histories = histories_of(interactions)
    for number, cut_ms in enumerate(moments, 1):
        before, later = interactions.where(interactions.at_ms < cut_ms), _foretold(interactions, cut_ms)
        buyers = _buyers(interactions, cut_ms)
        chance = np.random.default_rng((SEED, number))
        if len(buyers) > most_people:
            buyers = np.sort(chance.choice(buyers, most_people, replace=False))
        shelf = build(items, before, cut_ms).shelf
        expectation = None if past is None else Expectation(past, before, len(items))
        maker = ListMaker(make_tables(shelf, before, cut_ms, near), Blend(), expectation=expectation)
        wanted = np.unique(interactions.person[later].astype(np.int64) * len(items) + interactions.item[later])
        rows = _rows(maker, histories.until(cut_ms), buyers, wanted, cut_ms, len(items), chance)
        say(f"learning from {len(buyers):,} people, {-number * 4} weeks: {len(rows.labels):,} rows")
        yield Cut(cut_ms, rows, len(buyers))


def _rows(
    maker: ListMaker,
    histories: Histories,
    buyers: NDArray[np.int32],
    wanted: NDArray[np.int64],
    cut_ms: int,
    n_items: int,
    chance: np.random.Generator,
) -> Rows:
    features, labels, weights = [], [], []
    for person in buyers.tolist():
        items, parts = maker.candidates(histories, person, cut_ms)
        bought = np.isin(person * n_items + items.astype(np.int64), wanted)
        sure = bought | (parts[:, _COUNT] > 0)
        kept = sure | (chance.random(len(items)) < 1 / OTHERS)
        features.append(parts[kept])
        labels.append(bought[kept])
        weights.append(np.where(sure, 1.0, float(OTHERS))[kept])
    return Rows(
        features=np.concatenate(features),
        labels=np.concatenate(labels).astype(np.int8),
        at_ms=np.full(sum(map(len, labels)), cut_ms),
        weights=np.concatenate(weights),
    )


def _together(rows: Sequence[Rows]) -> Rows:
    return Rows(
        features=np.concatenate([each.features for each in rows]),
        labels=np.concatenate([each.labels for each in rows]),
        at_ms=np.concatenate([each.at_ms for each in rows]),
        weights=np.concatenate([each.weights for each in rows if each.weights is not None]),
    )
