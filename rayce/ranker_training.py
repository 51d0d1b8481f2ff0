"""Training of the ranker on the last weeks of a history, with what was known before them, so that nothing leaks."""

from collections.abc import Callable, Sequence

import numpy as np

from rayce.calibration import CALIBRATION_FILE, calibrate, calibration_error, reliability
from rayce.candidates import Wish
from rayce.decision import Decision
from rayce.errors import NotEnoughData
from rayce.event import Event
from rayce.leak_check import telling
from rayce.light_model import LightModel
from rayce.logged_examples import evaluate_logged, logged_rows
from rayce.model import Model
from rayce.outcomes import HORIZON_MS
from rayce.past import Past
from rayce.ranker_data import Data, Serving, gather_data, window_start
from rayce.ranker_evaluation import evaluate_ranker, per_basket
from rayce.ranker_report import Findings, ranker_report
from rayce.ranking import RANKING_FEATURES, Ranker
from rayce.ranking_examples import Example
from rayce.report_page import REPORT_FILE, render
from rayce.training import Learning, Rows, Trained, train_ranker, trained
from rayce.verdict import FIRST, verdict

__all__ = ["Serving", "as_rows", "train", "window_start"]


def train(
    past: Past,
    later: Sequence[Event],
    until_ms: int,
    serving: Serving,
    say: Callable[[str], None] = lambda _: None,
    decisions: Sequence[Decision] = (),
    live: Ranker | None = None,
    horizon_ms: int = HORIZON_MS,
) -> Trained:
    """A ranker trained on what was taken among the later events, and after the decisions, with its report and calibration.

    `against_live` compares it with the `live` ranker on the baskets it is checked on. `NotEnoughData` says what is missing.
    """
    data = gather_data(past, later, until_ms, serving, decisions, horizon_ms)
    rows = both(as_rows(data.training), logged_rows(data.logged_training, data.looked_at))
    check = both(as_rows(data.held_out), logged_rows(data.logged_held_out, data.looked_at))
    say(f"{len(data.training):,} baskets to train on, {len(data.held_out):,} to check on; {len(rows.labels):,} rows")
    say(f"{len(data.logged_training):,} decisions to train on, {len(data.logged_held_out):,} of {data.decisions:,}")
    if len(rows.labels) == 0 or len(check.labels) == 0:
        raise NotEnoughData("no basket held both a candidate and something else: is the catalogue that of the history?")
    learning: Learning = {}
    booster = train_ranker(rows, check, RANKING_FEATURES, learning)
    files = trained(booster, "ranker", RANKING_FEATURES, rows, {}).files
    model = Model.from_files(files)
    cases = per_basket(model, past.shelf, data.held_out)
    against = FIRST if live is None else verdict(cases, per_basket(live, past.shelf, data.held_out))
    found = _findings(past, data, model, LightModel.from_files(files), serving, check, learning)
    metrics = {**found.metrics, **against.metrics()}
    counts = {"baskets": len(data.training), "decisions": len(data.logged_training)}
    made = trained(booster, "ranker", RANKING_FEATURES, rows, metrics, check, counts)
    page = render(ranker_report(made, found, against))
    extra = {CALIBRATION_FILE: found.calibration.to_file(), REPORT_FILE: page.encode()}
    return made._replace(files={**made.files, **extra}, against_live=against)


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


def both(baskets: Rows, shown: Rows) -> Rows:
    """The groups of baskets, each row weighing 1, and those of decisions; without decisions the baskets as they are."""
    if not len(shown.labels):
        return baskets
    assert baskets.groups is not None and shown.groups is not None and shown.weights is not None
    return Rows(
        features=np.concatenate([baskets.features, shown.features]),
        labels=np.concatenate([baskets.labels, shown.labels]),
        at_ms=np.concatenate([baskets.at_ms, shown.at_ms]),
        groups=np.concatenate([baskets.groups, shown.groups]),
        weights=np.concatenate([np.ones(len(baskets.labels)), shown.weights]),
    )


def _findings(
    past: Past, data: Data, model: Model, light: Ranker, serving: Serving, check: Rows, learning: Learning
) -> Findings:
    """What it scores on what was held out. The calibration that is measured is of the earlier half, on the later one."""
    metrics = evaluate_ranker(model, light, past.shelf, data.held_out, Wish(suppress_s=serving.suppress_s))
    metrics |= evaluate_logged(model, data.logged_held_out, data.looked_at)
    whole = as_rows(data.held_out) if data.held_out else check
    scores = model.score_many(whole.features)
    half = whole.at_ms < np.median(whole.at_ms)
    early = calibrate(scores[half], whole.labels[half]) if half.any() else calibrate(scores, whole.labels)
    bins = reliability(early.of(scores[~half]), whole.labels[~half])
    metrics["calibration_error"] = round(calibration_error(bins), 5)
    return Findings(
        metrics=metrics,
        learning=learning,
        bins=bins,
        calibration=calibrate(scores, whole.labels),
        looked_at=data.looked_at if data.decisions else None,
        telling=telling(check, RANKING_FEATURES),
    )
