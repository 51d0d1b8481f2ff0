"""Training of the segment models: on the earlier rows, checked on the later ones, with a threshold for each aim."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rayce.calibration import calibration_error, reliability
from rayce.errors import NotEnoughData
from rayce.labels.label import Label
from rayce.leak_check import telling
from rayce.model import Model
from rayce.report_page import REPORT_FILE, render
from rayce.segment_report import segment_report
from rayce.segment_sampling import NAMES
from rayce.segments.aim import Aim
from rayce.thresholds import Held, choose, earlier_half, reached
from rayce.training import Learning, Rows, Trained, area_under_curve, log_loss, train_classifier, trained
from rayce.verdict import FIRST, Verdict, verdict

MIN_ROWS = 200
HELD_OUT = 0.2
"""The share of the time, at its end, on which a model is checked."""
GAIN, MAX_FEATURES = 0.99, 32
"""A model keeps the features that bear this share of the gain, and at most so many."""
LIKELIHOOD = "log_likelihood"


def train_segment_model(
    name: str,
    rows: Rows,
    label: Label,
    names: tuple[str, ...] = NAMES,
    aims: Sequence[Aim] = (),
    live: Model | None = None,
) -> Trained:
    """A model trained on the earlier rows and checked on the later ones, with its report; `NotEnoughData` says what is missing.

    Rows whose future reaches into the time of the check are in neither part. For each aim a threshold is chosen on the later
    rows; the metrics say what one that was chosen on their earlier half comes to on the others. `against_live` compares the
    mean log-likelihood by person with that of the `live` model.
    """
    train, held_out = _parts(name, rows, label)
    every = held_out
    all_names = names
    names, train, held_out = _weightiest(train, held_out, names)
    learning: Learning = {}
    booster = train_classifier(train, held_out, names, learning)
    foretold = np.asarray(booster.predict(held_out.features, num_threads=1))
    metrics = {
        "auc": round(area_under_curve(held_out.labels, foretold), 4),
        "logloss": round(log_loss(held_out.labels, foretold), 4),
        "base_logloss": round(log_loss(held_out.labels, np.full(len(foretold), train.labels.mean())), 4),
        "positives": round(float(held_out.labels.mean()), 4),
    }
    bins = reliability(foretold, held_out.labels)
    metrics["calibration_error"] = round(calibration_error(bins), 4)
    assert held_out.people is not None
    held = Held(foretold, held_out.labels, held_out.people, held_out.at_ms)
    thresholds = {aim.key: choose(held, aim) for aim in aims}
    metrics |= _kept(held, aims)
    against = _against(live, every, all_names, held)
    metrics |= against.metrics()
    made = trained(booster, "segment-model", names, train, metrics, held_out, thresholds=thresholds)
    page = render(segment_report(name, str(label), made, thresholds, held, bins, learning, telling(held_out, names)))
    return made._replace(files={**made.files, REPORT_FILE: page.encode()}, against_live=against)


def _parts(name: str, rows: Rows, label: Label) -> tuple[Rows, Rows]:
    if len(rows.labels) < MIN_ROWS:
        raise NotEnoughData(f"{name}: {len(rows.labels)} events with a known future, {MIN_ROWS} are needed")
    first_ms, last_ms = int(rows.at_ms[0]), int(rows.at_ms[-1])
    split_ms = last_ms - int(HELD_OUT * (last_ms - first_ms))
    train, held_out = _take(rows, rows.at_ms + label.within_ms <= split_ms), _take(rows, rows.at_ms >= split_ms)
    for part, what in ((train, "training"), (held_out, "checking")):
        if len(np.unique(part.labels)) < 2:
            raise NotEnoughData(
                f"{name}: {len(part.labels)} events for {what}, and not both such of which it came true ({label}) and such of"
                " which it did not"
            )
    return train, held_out


def _kept(held: Held, aims: Sequence[Aim]) -> dict[str, float]:
    """What a threshold chosen on the earlier half of what was held out comes to on the later half."""
    early = earlier_half(held)
    told: dict[str, float] = {}
    for aim in aims:
        found = reached(held.where(~early), choose(held.where(early), aim))
        told |= {f"{aim.key}.precision": round(found.precision, 4), f"{aim.key}.share": round(found.share, 4)}
    return told


def _against(live: Model | None, held_out: Rows, names: tuple[str, ...], held: Held) -> Verdict:
    """By the mean log-likelihood of each person's rows; nothing to compare with where the live one wants other features."""
    if live is None or not set(live.features) <= set(names):
        return FIRST
    columns = [names.index(feature) for feature in live.features]
    theirs = live.score_many(np.ascontiguousarray(held_out.features[:, columns]))
    return verdict(
        {LIKELIHOOD: _by_person(held, held.scores)}, {LIKELIHOOD: _by_person(held, theirs)}, deciding=(LIKELIHOOD,)
    )


def _by_person(held: Held, foretold: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(foretold, 1e-12, 1 - 1e-12)
    each = np.where(held.labels == 1, np.log(inside), np.log1p(-inside))
    _people, number = np.unique(held.people, return_inverse=True)
    return np.asarray(np.bincount(number, each) / np.bincount(number), dtype=np.float64)


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


def _take(rows: Rows, chosen: NDArray[np.bool_]) -> Rows:
    people = rows.people[chosen] if rows.people is not None else None
    return Rows(rows.features[chosen], rows.labels[chosen], rows.at_ms[chosen], people=people)
