"""Whether training rows know the future: made once more from a history without it, they have to be the very same.

A row belongs to a moment. Whatever came later may change its label and nothing else; so the later part of the history is taken
away, all of it is computed anew (profiles, shelf, lists, candidates, features), and every row of a moment that is still there
is compared to the bit. What knows the future differs, in whichever step it crept in; what does not, cannot.

This sees what is computed from history. A column that comes with the catalogue (say a price that was changed because of the
sale) has no history: `telling` says which single columns tell the labels apart almost alone, for a person to look at.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.errors import LeakFound
from rayce.event import Event
from rayce.history import split
from rayce.training import Rows, area_under_curve

MAX_EVENTS = 60_000
"""Of a longer history the events of so many people are looked at as make up about this many."""
CUTS = (0.4, 0.75)
"""Where the history is cut, as shares of the time from which rows are made."""
SUSPICIOUS = 0.98
"""Area under the curve of a single column from which on somebody should look at it."""


class Moment(NamedTuple):
    """The rows of one moment: what they are about (item numbers, say), and their features."""

    about: NDArray[np.int64]
    features: NDArray[np.float64]


Make = Callable[[Sequence[Event]], Mapping[str, Moment]]
"""From a history to the rows of its moments, by event id. Which moments are made must not depend on what else is there."""


def check_leaks(make: Make, events: Sequence[Event], from_ms: int, until_ms: int, names: Sequence[str]) -> int:
    """How many rows were compared; `LeakFound` names the columns that change when the future is taken away.

    `from_ms` to `until_ms` is the time from which rows are made; nothing is compared where there are none.
    """
    few = some_people(events, len(events))
    whole = make(few)
    compared = 0
    for share in CUTS:
        cut_ms = from_ms + int(share * (until_ms - from_ms))
        earlier, _later = split(few, cut_ms)
        for event_id, begun in make(earlier).items():
            if event_id in whole:
                compared += len(begun.features)
                _compare(begun, whole[event_id], names)
    return compared


def some_people(events: Iterable[Event], total: int, most: int = MAX_EVENTS) -> list[Event]:
    """The events of some people, all of theirs; chosen by hash, so that about `most` of the `total` remain."""
    if total <= most:
        return list(events)
    below = int(most / total * 2**32)
    return [event for event in events if _place(event.person) < below]


def telling(rows: Rows, names: Sequence[str]) -> dict[str, float]:
    """By column, how well it alone tells the labels apart, in either direction: 0.5 (not at all) to 1; the greatest first."""
    found = {name: area_under_curve(rows.labels, column) for name, column in zip(names, rows.features.T, strict=True)}
    either = {name: round(max(area, 1 - area), 4) for name, area in found.items()}
    return dict(sorted(either.items(), key=lambda entry: (-entry[1], entry[0])))


def _compare(begun: Moment, whole: Moment, names: Sequence[str]) -> None:
    if not np.array_equal(begun.about, whole.about):
        raise LeakFound(
            "what is ranked at a moment depends on what came after it: its candidates are chosen with a leak"
        )
    same = (begun.features == whole.features) | (np.isnan(begun.features) & np.isnan(whole.features))
    if not same.all():
        columns = [names[n] for n in np.flatnonzero(~same.all(axis=0)).tolist()]
        raise LeakFound(f"these features of a moment depend on what came after it: {', '.join(columns)}")


def _place(person: str) -> int:
    return int.from_bytes(blake2b(person.encode(), digest_size=4).digest(), "big")
