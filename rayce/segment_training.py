"""Training of the segment models: what a person looked like at an event, and whether they did it afterwards."""

from bisect import bisect_right
from collections.abc import Collection, Iterable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayce.decay import DAY_MS
from rayce.errors import NotEnoughData
from rayce.features import FEATURES, feature_row
from rayce.history import Moment
from rayce.training import Rows, Trained, area_under_curve, log_loss, train_classifier, trained

MAX_ROWS = 200_000
MIN_ROWS = 200
HELD_OUT = 0.2
"""The share of the time, at its end, on which a model is checked."""
NAMES = tuple(FEATURES)
GAIN, MAX_FEATURES = 0.99, 32
"""A model keeps the features that bear this share of the gain, and at most so many."""


class Label(Struct, frozen=True):
    """What a model shall foretell: that an event of this type follows within this time."""

    event_type: str
    within_ms: int


LABELS = {"buys_within_7_days": Label("purchase", 7 * DAY_MS)}
"""By model, as named in the segment catalogue."""


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
        self._happened: dict[str, list[int]] = {}

    def learn(self, moment: Moment) -> None:
        """One moment more; a person's moments in log order."""
        event = moment.event
        if event.type == self._label.event_type:
            self._happened.setdefault(event.person, []).append(event.timestamp_ms)
        if event.type not in self._triggers:
            return
        if self._met % self._stride == 0:
            row = feature_row(moment.after, event.timestamp_ms, self._names)
            self._rows.append((event.person, event.timestamp_ms, row))
            if len(self._rows) >= self._max_rows:
                self._rows, self._stride = self._rows[::2], self._stride * 2
        self._met += 1

    def rows(self, until_ms: int) -> Rows:
        """The rows whose whole future lies before `until_ms`, in order of time; 1 = it happened after the moment."""
        within_ms = self._label.within_ms
        happened = {person: sorted(times) for person, times in self._happened.items()}
        known = sorted((row for row in self._rows if row[1] + within_ms <= until_ms), key=lambda row: row[1])
        labels = [_follows(happened.get(person, []), at_ms, within_ms) for person, at_ms, _row in known]
        features = np.array([row for _person, _at_ms, row in known], dtype=np.float64).reshape(-1, len(self._names))
        at_ms = np.array([at_ms for _person, at_ms, _row in known], dtype=np.int64)
        return Rows(features, np.array(labels, dtype=np.int8), at_ms)


def sample(moments: Iterable[Moment], samplers: Collection[Sampler]) -> None:
    """Shows every moment to every sampler; consumes the moments."""
    for moment in moments:
        for sampler in samplers:
            sampler.learn(moment)


def train_segment_model(name: str, rows: Rows, label: Label, names: tuple[str, ...] = NAMES) -> Trained:
    """A model trained on the earlier rows and checked on the later ones; `NotEnoughData` says what is missing.

    Rows whose future reaches into the time of the check are in neither part.
    """
    if len(rows.labels) < MIN_ROWS:
        raise NotEnoughData(f"{name}: {len(rows.labels)} events with a known future, {MIN_ROWS} are needed")
    first_ms, last_ms = int(rows.at_ms[0]), int(rows.at_ms[-1])
    split_ms = last_ms - int(HELD_OUT * (last_ms - first_ms))
    train, held_out = _take(rows, rows.at_ms + label.within_ms <= split_ms), _take(rows, rows.at_ms >= split_ms)
    for part, what in ((train, "training"), (held_out, "checking")):
        if len(np.unique(part.labels)) < 2:
            raise NotEnoughData(
                f"{name}: {len(part.labels)} events for {what}, and not both such as were followed by a"
                f" {label.event_type} within {label.within_ms / DAY_MS:g} days and such as were not"
            )
    names, train, held_out = _weightiest(train, held_out, names)
    booster = train_classifier(train, held_out, names)
    foretold = np.asarray(booster.predict(held_out.features, num_threads=1))
    metrics = {
        "auc": round(area_under_curve(held_out.labels, foretold), 4),
        "logloss": round(log_loss(held_out.labels, foretold), 4),
        "base_logloss": round(log_loss(held_out.labels, np.full(len(foretold), train.labels.mean())), 4),
        "positives": round(float(held_out.labels.mean()), 4),
    }
    return trained(booster, "segment-model", names, train, metrics)


def _weightiest(train: Rows, held_out: Rows, names: tuple[str, ...]) -> tuple[tuple[str, ...], Rows, Rows]:
    """What bears `GAIN` of a first model's gain, in the old order: a model is asked at events, every feature costs there."""
    gain = train_classifier(train, held_out, names).feature_importance("gain")
    order = np.argsort(-gain, kind="stable")
    needed = int(np.searchsorted(np.cumsum(gain[order]), GAIN * gain.sum())) + 1
    kept = np.sort(order[: min(needed, MAX_FEATURES)])
    chosen = tuple(names[i] for i in kept)
    return (
        chosen,
        train._replace(features=train.features[:, kept]),
        held_out._replace(features=held_out.features[:, kept]),
    )


def _follows(times: list[int], at_ms: int, within_ms: int) -> bool:
    """Whether one of the ascending times lies after `at_ms` and at most `within_ms` later.

    >>> [_follows([100, 200], at_ms, 50) for at_ms in (40, 50, 99, 100, 150, 200)]
    [False, True, True, False, True, False]
    """
    place = bisect_right(times, at_ms)
    return place < len(times) and times[place] <= at_ms + within_ms


def _take(rows: Rows, chosen: NDArray[np.bool_]) -> Rows:
    return Rows(rows.features[chosen], rows.labels[chosen], rows.at_ms[chosen])
