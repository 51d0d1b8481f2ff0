"""What a segment's model learns from: what a person looked like at an event, and whether the label came true afterwards."""

from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from rayce.event import Event
from rayce.features import FEATURES, feature_row
from rayce.features.feature_set import ALL, FeatureSet
from rayce.history import Moment, replay
from rayce.labels.label import Label
from rayce.leak_check import Make
from rayce.leak_check import Moment as Checked
from rayce.training import Rows

MAX_ROWS = 200_000
NAMES = tuple(FEATURES)


class Sampler:
    """Collects rows at the events at which the model is asked, with `rayce.features` as of the event, as live.

    At most about `max_rows`: when full, every second row is thrown away and only every second one taken from then on.
    """

    def __init__(
        self, label: Label, triggers: Collection[str], max_rows: int = MAX_ROWS, names: tuple[str, ...] = NAMES
    ) -> None:
        """`names` are the features of a row, in order."""
        self._label, self._triggers, self._max_rows, self._names = label, frozenset(triggers), max_rows, names
        self._rows: list[tuple[str, int, list[float]]] = []
        self._stride, self._met = 1, 0
        self._happened: dict[str, array[int]] = {}

    def learn(self, moment: Moment) -> None:
        """One moment more; a person's moments in log order."""
        event = moment.event
        if self._label.is_met_by(event):
            self._happened.setdefault(event.person, array("q")).append(event.timestamp_ms)
        if event.type not in self._triggers:
            return
        if self._met % self._stride == 0:
            row = row_of(moment, self._names)
            self._rows.append((event.person, event.timestamp_ms, row))
            if len(self._rows) >= self._max_rows:
                self._rows, self._stride = self._rows[::2], self._stride * 2
        self._met += 1

    def rows(self, until_ms: int) -> Rows:
        """The rows whose whole future lies before `until_ms`, in order of time; 1 = what the label says came true after it."""
        label, within_ms = self._label, self._label.within_ms
        happened = {person: sorted(times) for person, times in self._happened.items()}
        known = sorted((row for row in self._rows if row[1] + within_ms <= until_ms), key=lambda row: row[1])
        labels = [
            _follows(happened.get(person, []), at_ms, within_ms) is not label.absent for person, at_ms, _row in known
        ]
        numbers = {person: n for n, person in enumerate(sorted({person for person, _at_ms, _row in known}))}
        people = np.array([numbers[person] for person, _at_ms, _row in known], dtype=np.int64)
        features = np.array([row for _person, _at_ms, row in known], dtype=np.float64).reshape(-1, len(self._names))
        at_ms = np.array([at_ms for _person, at_ms, _row in known], dtype=np.int64)
        return Rows(features, np.array(labels, dtype=np.int8), at_ms, people=people)


def row_of(moment: Moment, names: tuple[str, ...]) -> list[float]:
    """What the model is told at this moment, as the stream tells it."""
    return feature_row(moment.after, moment.event.timestamp_ms, names)


def segment_moments(triggers: Collection[str], names: tuple[str, ...] = NAMES, features: FeatureSet = ALL) -> Make:
    """Makes the rows of all moments at which a model is asked, for `rayce.leak_check`."""

    def make(events: Sequence[Event]) -> Mapping[str, Checked]:
        return {
            f"{moment.event.person}/{moment.event.event_id}": Checked(
                np.zeros(1, np.int64), np.array([row_of(moment, names)])
            )
            for moment in replay(events, {}, features=features)
            if moment.event.type in triggers
        }

    return make


def sample(moments: Iterable[Moment], samplers: Collection[Sampler]) -> None:
    """Shows every moment to every sampler; consumes the moments."""
    for moment in moments:
        for sampler in samplers:
            sampler.learn(moment)


def _follows(times: Sequence[int], at_ms: int, within_ms: int) -> bool:
    """Whether one of the ascending times lies after `at_ms` and at most `within_ms` later.

    >>> [_follows([100, 200], at_ms, 50) for at_ms in (40, 50, 99, 100, 150, 200)]
    [False, True, True, False, True, False]
    """
    place = bisect_right(times, at_ms)
    return place < len(times) and times[place] <= at_ms + within_ms
