"""What the ranker is trained on and checked with: baskets replayed as they would have been served, and logged decisions."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayce.candidates import Wish
from rayce.decay import DAY_MS
from rayce.decision import Decision
from rayce.errors import NotEnoughData
from rayce.event import Event
from rayce.history import replay
from rayce.logged_examples import Logged, logged, looked_at
from rayce.outcomes import HORIZON_MS, outcomes
from rayce.past import Past
from rayce.profile import Profile
from rayce.ranking_examples import ASKED, Example, Examples, chance_of

WINDOW_MS = 28 * DAY_MS
HELD_OUT = 0.25
"""The share of the window, at its end, on which the ranker is checked."""
MAX_TRAIN, MAX_HELD_OUT = 7_000, 2_400
"""Baskets, and as many decisions; of more a sample is taken."""
MIN_TRAIN, MIN_HELD_OUT = 30, 10
NEGATIVES = 35
"""Candidates that were not taken kept for each basket: 7,000 baskets make about 270,000 rows."""
REHEARSED = 0.5
"""The share of baskets in which a session is rehearsed, where there was none."""

Parts = tuple[list[Example], list[Example]]


class Serving(Struct, frozen=True):
    """How replies are made: candidates ranked for one, and how long a bought product stays away."""

    candidates: int = 200
    suppress_s: int = 86_400


class Data(NamedTuple):
    """Baskets to train on (thinned) and to check with (whole), decisions likewise, and how likely each place is looked at."""

    training: list[Example]
    held_out: list[Example]
    logged_training: list[Logged]
    logged_held_out: list[Logged]
    looked_at: NDArray[np.float64]
    decisions: int


def window_start(from_ms: int, until_ms: int) -> int:
    """Where training begins: four weeks before the end, or at three fifths of a shorter history."""
    return until_ms - min(WINDOW_MS, (until_ms - from_ms) * 2 // 5)


def gather_data(
    past: Past,
    later: Sequence[Event],
    until_ms: int,
    serving: Serving,
    decisions: Sequence[Decision] = (),
    horizon_ms: int = HORIZON_MS,
) -> Data:
    """The examples of the later events and of the decisions whose outcome is known; `NotEnoughData` says what is missing."""
    split_ms = until_ms - int(HELD_OUT * (until_ms - past.at_ms))
    known = [each for each in decisions if past.at_ms <= each.at_ms <= until_ms - horizon_ms]
    followed = outcomes(known, later, horizon_ms)
    curve = looked_at([each for each in known if each.at_ms < split_ms], followed)
    chosen = _sample([each for each in known if each.decision_id in followed], split_ms)
    share = _shares(later, split_ms)
    maker = Examples(past.shelf, past.lists.of, Wish(suppress_s=serving.suppress_s), serving.candidates)
    baskets: Parts = ([], [])
    shown: tuple[list[Logged], list[Logged]] = ([], [])
    for before, event, _after in replay(later, dict(past.people)):
        waiting = chosen.get(event.person)
        while waiting and waiting[0].at_ms <= event.timestamp_ms:
            decision = waiting.popleft()
            worth = dict(followed[decision.decision_id])
            listed = past.lists.of(decision.person)
            example = logged(past.shelf, before, listed, decision, worth, serving.suppress_s)
            shown[decision.at_ms >= split_ms].append(example)
        part = int(event.timestamp_ms >= split_ms)
        if event.type in ASKED and event.items:
            made = _chosen(maker, before, event, share[part])
            if made is not None and made.basket:
                baskets[part].append(made if part else _thinned(made, chance_of(event)))
    for examples in baskets:
        examples.sort(key=lambda example: (example.at_ms, example.event_id))
    for found in shown:
        found.sort(key=lambda each: (each.at_ms, each.decision_id))
    data = Data(baskets[0], baskets[1], shown[0], shown[1], curve, len(known))
    _check_enough(data)
    return data


def _check_enough(data: Data) -> None:
    enough = len(data.training) >= MIN_TRAIN and len(data.held_out) >= MIN_HELD_OUT
    if not enough and (len(data.logged_training) < MIN_TRAIN or len(data.logged_held_out) < MIN_HELD_OUT):
        raise NotEnoughData(
            f"{len(data.training)} baskets to train the ranker on and {len(data.held_out)} to check it on,"
            f" {len(data.logged_training)} and {len(data.logged_held_out)} decisions;"
            f" {MIN_TRAIN} and {MIN_HELD_OUT} of either are needed"
        )


def _shares(later: Sequence[Event], split_ms: int) -> tuple[float, float]:
    """Of the baskets of either part, how many are taken."""
    asked = np.array([each.timestamp_ms >= split_ms for each in later if each.type in ASKED and each.items], np.bool_)
    held_out = int(asked.sum())
    return MAX_TRAIN / max(len(asked) - held_out, 1), MAX_HELD_OUT / max(held_out, 1)


def _sample(decisions: Sequence[Decision], split_ms: int) -> Mapping[str, deque[Decision]]:
    """By person, in order of time; of many a sample by the digest of their ids."""
    by_person: dict[str, deque[Decision]] = {}
    for part, most in ((False, MAX_TRAIN), (True, MAX_HELD_OUT)):
        own = [each for each in decisions if (each.at_ms >= split_ms) is part]
        if len(own) > most:
            keep = {each.decision_id for each in sorted(own, key=_digest)[:most]}
            own = [each for each in own if each.decision_id in keep]
        for each in own:
            by_person.setdefault(each.person, deque()).append(each)
    return by_person


def _digest(decision: Decision) -> tuple[float, str]:
    return float(chance_of(decision.decision_id).random()), decision.decision_id


def _chosen(maker: Examples, before: Profile, event: Event, share: float) -> Example | None:
    """The example of one in so many; a session is rehearsed for some."""
    chance = chance_of(event)
    if chance.random() >= share:
        return None
    return maker.make(before, event, chance if chance.random() < REHEARSED else None)


def _thinned(example: Example, chance: np.random.Generator) -> Example:
    """The example with all that was taken and at most `NEGATIVES` of what was not."""
    others = np.flatnonzero(~example.bought)
    if len(others) <= NEGATIVES:
        return example
    chosen = np.sort(np.concatenate([np.flatnonzero(example.bought), chance.choice(others, NEGATIVES, replace=False)]))
    return example._replace(
        items=example.items[chosen], features=example.features[chosen], bought=example.bought[chosen]
    )
