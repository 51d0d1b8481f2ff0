"""Scores as the stream, the ranker and the edge compute them, against LightGBM itself.

A segment model of 100 trees with 31 leaves over 20 features. One row is what an event that triggers a model costs: features of
a real profile, as of now, then the score. A ranking is of 200 rows by a ranker of that shape, alone and as a whole (candidates,
features, scores, the reply) for the costliest person there is; the edge's light model has 50 rows. Times are wall-clock of
single calls in one thread; `*_cpu_ms` are means of the processor's time.
"""

import gc
import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import lightgbm
import numpy as np

from benchmarks.loyal_shopper import loyal_shopper, shelf_with_sessions
from benchmarks.program import arguments, finish, say
from benchmarks.shop_events import shop_events
from rayce import __version__
from rayce.candidates import Wish, find_candidates
from rayce.features import FEATURES, feature_row
from rayce.fold import fold
from rayce.light_model import LightModel
from rayce.model import Manifest, Model, to_files
from rayce.profile import Profile
from rayce.ranking import RANKING_FEATURES, as_ranked, rank, ranking_matrix, slate

NOW_MS = 1_767_225_600_000
TREES, LEAVES, FEATURE_COUNT, TRAINING_ROWS = 100, 31, 20, 20_000
PEOPLE, EVENTS_OF_EACH, DAY_MS = 200, 120, 86_400_000
RANKED, REPLY, LIGHT_ROWS = 200, 30, 50


def train(kind: str, features: Sequence[str], seed: int) -> dict[str, bytes]:
    """The files of a model of that shape, trained on noise with a signal in it."""
    noise = np.random.default_rng(seed)
    rows = noise.gamma(1.0, 5.0, (TRAINING_ROWS, len(features)))
    labels = (rows.sum(axis=1) + noise.normal(0, 20, TRAINING_ROWS) > 5 * len(features)).astype(float)
    parameters = {"objective": "binary", "num_leaves": LEAVES, "num_threads": 1, "verbose": -1, "seed": seed}
    booster = lightgbm.train(parameters, lightgbm.Dataset(rows, labels), num_boost_round=TREES)
    manifest = Manifest(kind, tuple(features), TRAINING_ROWS, 0, 0, {}, __version__)
    return to_files(booster, manifest)


def people(count: int) -> list[Profile]:
    """Profiles of visitors who have been there for a month."""
    profiles = [Profile()] * count
    who = [user for _round in range(EVENTS_OF_EACH) for user in range(count)]
    step_ms = 30 * DAY_MS / len(who)
    for user, event in zip(who, shop_events(who, "inference", NOW_MS - 30 * DAY_MS, step_ms, 1), strict=True):
        profiles[user] = fold(profiles[user], event)
    return profiles


def largest_difference(model: Model, score_many: Callable[[Any], Any], rows: int) -> float:
    """Between `score_many` and `Booster.predict`, on random rows: ordinary, huge, negative, tiny, zero and missing values."""
    noise = np.random.default_rng(3)
    wanted = noise.gamma(1.0, 5.0, (rows, len(model.features)))
    odd = noise.choice([np.nan, 0.0, -1.0, 1e12, -1e12, 1e-300, 1e-35, -1e-35], wanted.shape)
    wanted = np.where(noise.random(wanted.shape) < 0.1, odd, wanted)
    booster = lightgbm.Booster(model_str=model._booster.model_to_string())
    expected = booster.predict(wanted, num_threads=1, raw_score=model.manifest.kind == "ranker")
    return float(np.max(np.abs(score_many(wanted) - expected)))


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


def cpu_ms(act: Callable[[], Any], calls: int) -> float:
    """Mean time of the processor for a call."""
    began_s = time.process_time()
    for _call in range(calls):
        act()
    return round((time.process_time() - began_s) / calls * 1_000, 5)


def one_row(model: Model, calls: int) -> dict[str, float]:
    """What an event that triggers a model costs."""
    profiles = itertools.cycle(people(PEOPLE))
    whole = times_ms(lambda: model.score_one(feature_row(next(profiles), NOW_MS, model.features)), calls)
    noise = np.random.default_rng(9).gamma(1.0, 5.0, (1_000, len(model.features)))
    rows = itertools.cycle(noise.tolist())
    alone = times_ms(lambda: model.score_one(next(rows)), calls)
    return {
        "one_row_p50_ms": percentile(whole, 0.5),
        "one_row_p99_ms": percentile(whole, 0.99),
        "one_row_p999_ms": percentile(whole, 0.999),
        "score_alone_p50_ms": percentile(alone, 0.5),
        "score_alone_p99_ms": percentile(alone, 0.99),
        "fast_path": int(model._fast is not None),
    }


def many_rows(ranker: Model, light: LightModel, calls: int) -> dict[str, float]:
    """Scores of a ranking: by the ranker, by LightGBM, and those of the edge's light model."""
    matrix = np.random.default_rng(5).gamma(1.0, 5.0, (RANKED, len(RANKING_FEATURES)))
    ranking = times_ms(lambda: ranker.score_many(matrix), calls)
    lightgbm_own = times_ms(lambda: ranker._predict(matrix), calls // 4)
    few = times_ms(lambda: light.score_many(matrix[:LIGHT_ROWS]), calls)
    return {
        "rank_200_p50_ms": percentile(ranking, 0.5),
        "rank_200_p99_ms": percentile(ranking, 0.99),
        "rank_200_lightgbm_p50_ms": percentile(lightgbm_own, 0.5),
        "rank_200_lightgbm_p99_ms": percentile(lightgbm_own, 0.99),
        "light_50_p50_ms": percentile(few, 0.5),
        "light_50_p99_ms": percentile(few, 0.99),
        "kernel": int(ranker._kernel is not None),
    }


def whole_ranking(ranker: Model, calls: int) -> dict[str, float]:
    """Everything that the ranker does for a reply of `REPLY` items, but reading the profile."""
    shelf, (profile, listed), wish = shelf_with_sessions(), loyal_shopper(NOW_MS), Wish(limit=REPLY, seed=1)
    found = find_candidates(shelf, profile, listed, wish, NOW_MS, RANKED)
    table = slate(shelf, ranker, profile, listed, wish, NOW_MS, RANKED)
    whole = times_ms(lambda: rank(shelf, ranker, profile, listed, wish, NOW_MS, RANKED), calls)
    best = table.order[:REPLY].tolist()
    return {
        "whole_rank_p50_ms": percentile(whole, 0.5),
        "whole_rank_p99_ms": percentile(whole, 0.99),
        "whole_rank_cpu_ms": cpu_ms(lambda: rank(shelf, ranker, profile, listed, wish, NOW_MS, RANKED), calls),
        "candidates_cpu_ms": cpu_ms(lambda: find_candidates(shelf, profile, listed, wish, NOW_MS, RANKED), calls),
        "matrix_cpu_ms": cpu_ms(lambda: ranking_matrix(shelf, profile, found, NOW_MS), calls),
        "score_cpu_ms": cpu_ms(lambda: ranker.score_many(table.features), calls),
        "reply_cpu_ms": cpu_ms(lambda: as_ranked(shelf, table, best, profile), calls),
        "ranked": len(found.items),
    }


def main() -> None:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--calls", type=int, default=100_000, help="single rows that are timed")
    parser.add_argument("--rows", type=int, default=10_000, help="random rows that are compared")
    options = parser.parse_args()
    if options.quick:
        options.calls, options.rows = 5_000, 1_000
    say("training")
    model = Model.from_files(train("segment", list(FEATURES)[:FEATURE_COUNT], 7))
    files = train("ranker", RANKING_FEATURES, 8)
    ranker, light = Model.from_files(files), LightModel.from_files(files)
    say("comparing")
    differences = [
        largest_difference(model, lambda rows: np.array([model.score_one(row) for row in rows.tolist()]), options.rows),
        largest_difference(
            ranker, lambda rows: np.array([ranker.score_one(row) for row in rows.tolist()]), options.rows
        ),
        largest_difference(ranker, ranker.score_many, options.rows),
    ]
    say("timing")
    metrics = {
        "max_abs_diff": max(differences),
        **one_row(model, options.calls),
        **many_rows(ranker, light, options.calls // 20),
        **whole_ranking(ranker, options.calls // 50),
    }
    shape = {
        "trees": TREES,
        "leaves": LEAVES,
        "features": len(model.features),
        "reply": REPLY,
        "light_rows": LIGHT_ROWS,
    }
    finish("inference", metrics, shape | {"calls": options.calls, "rows": options.rows})


if __name__ == "__main__":
    main()
