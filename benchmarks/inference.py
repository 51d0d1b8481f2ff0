"""Scores as the stream and the ranker compute them: one row with its features, a ranking of 200; against LightGBM itself.

A segment model of 100 trees with 31 leaves over 20 features. One row is what an event that triggers a model costs: features of
a real profile, as of now, then the score. Times are wall-clock of single calls in one thread.
"""

import gc
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import lightgbm
import numpy as np

from benchmarks.program import arguments, finish, say
from benchmarks.shop_events import shop_events
from rayce import __version__
from rayce.features import FEATURES, feature_row
from rayce.fold import fold
from rayce.model import Manifest, Model, to_files
from rayce.profile import Profile
from rayce.ranking import RANKING_FEATURES

NOW_MS = 1_767_225_600_000
TREES, LEAVES, FEATURE_COUNT, TRAINING_ROWS = 100, 31, 20, 20_000
PEOPLE, EVENTS_OF_EACH, DAY_MS = 200, 120, 86_400_000
RANKED = 200


def train(kind: str, features: Sequence[str], seed: int) -> Model:
    """A model of that shape, trained on noise with a signal in it."""
    noise = np.random.default_rng(seed)
    rows = noise.gamma(1.0, 5.0, (TRAINING_ROWS, len(features)))
    labels = (rows.sum(axis=1) + noise.normal(0, 20, TRAINING_ROWS) > 5 * len(features)).astype(float)
    parameters = {"objective": "binary", "num_leaves": LEAVES, "num_threads": 1, "verbose": -1, "seed": seed}
    booster = lightgbm.train(parameters, lightgbm.Dataset(rows, labels), num_boost_round=TREES)
    manifest = Manifest(kind, tuple(features), TRAINING_ROWS, 0, 0, {}, __version__)
    return Model.from_files(to_files(booster, manifest))


def people(count: int) -> list[Profile]:
    """Profiles of visitors who have been there for a month."""
    profiles = [Profile()] * count
    who = [user for _round in range(EVENTS_OF_EACH) for user in range(count)]
    step_ms = 30 * DAY_MS / len(who)
    for user, event in zip(who, shop_events(who, "inference", NOW_MS - 30 * DAY_MS, step_ms, 1), strict=True):
        profiles[user] = fold(profiles[user], event)
    return profiles


def largest_difference(model: Model, rows: int) -> float:
    """Between `score_one` and `Booster.predict`, on random rows: ordinary, huge, negative, zero and missing values."""
    noise = np.random.default_rng(3)
    wanted = noise.gamma(1.0, 5.0, (rows, len(model.features)))
    odd = noise.choice([np.nan, 0.0, -1.0, 1e12, -1e12, 1e-300], wanted.shape)
    wanted = np.where(noise.random(wanted.shape) < 0.1, odd, wanted)
    booster = lightgbm.Booster(model_str=model._booster.model_to_string())
    expected = booster.predict(wanted, num_threads=1)
    found = np.array([model.score_one(row) for row in wanted.tolist()])
    return float(np.max(np.abs(found - expected)))


def times_ms(act: Callable[[], Any], calls: int) -> list[float]:
    """Durations of single calls, ascending. The garbage collector waits, as it does in the worker's hot loop."""
    for _warm in range(calls // 10):
        act()
    gc.collect()
    gc.disable()
    found = []
    for _call in range(calls):
        began_ns = time.perf_counter_ns()
        act()
        found.append((time.perf_counter_ns() - began_ns) / 1e6)
    gc.enable()
    return sorted(found)


def percentile(ascending: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    return round(ascending[min(len(ascending) - 1, int(share * len(ascending)))], 5)


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--calls", type=int, default=100_000, help="single rows that are timed")
    parser.add_argument("--rows", type=int, default=10_000, help="random rows that are compared")
    options = parser.parse_args()
    if options.quick:
        options.calls, options.rows = 5_000, 1_000
    say("training")
    model = train("segment", list(FEATURES)[:FEATURE_COUNT], 7)
    ranker = train("ranker", RANKING_FEATURES, 8)
    profiles = itertools.cycle(people(PEOPLE))
    say("timing")
    whole = times_ms(lambda: model.score_one(feature_row(next(profiles), NOW_MS, model.features)), options.calls)
    noise = np.random.default_rng(9).gamma(1.0, 5.0, (1_000, len(model.features)))
    rows = itertools.cycle(noise.tolist())
    alone = times_ms(lambda: model.score_one(next(rows)), options.calls)
    matrix = np.random.default_rng(5).gamma(1.0, 5.0, (RANKED, len(RANKING_FEATURES)))
    ranking = times_ms(lambda: ranker.score_many(matrix), options.calls // 50)
    metrics = {
        "one_row_p50_ms": percentile(whole, 0.5),
        "one_row_p99_ms": percentile(whole, 0.99),
        "one_row_p999_ms": percentile(whole, 0.999),
        "score_alone_p50_ms": percentile(alone, 0.5),
        "score_alone_p99_ms": percentile(alone, 0.99),
        "max_abs_diff": largest_difference(model, options.rows),
        "rank_200_p50_ms": percentile(ranking, 0.5),
        "rank_200_p99_ms": percentile(ranking, 0.99),
        "fast_path": int(model._fast is not None),
    }
    shape = {"trees": TREES, "leaves": LEAVES, "features": len(model.features)}
    finish("inference", metrics, shape | {"calls": options.calls, "rows": options.rows})


if __name__ == "__main__":
    main()
