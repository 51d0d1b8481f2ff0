"""How well the sequence recommender foretells what a person takes next, on a data set: `--dataset DIR`.

DIR holds `sequences.parquet` (user, items in order of time). The last item of each is the test; all items are ranked, those the
user had before are left out. Everything is chosen with the item before the last; the last one is looked at once, when all is
chosen. Without `--dataset`: synthetic people, on whom a figure proves little.

`--lists` asks besides what the jobs that make everybody's lists make of the same histories (`benchmarks.sequence_lists`): the
lists that are served, where `rayce.sequence` is one part of the blend. `--only-lists` asks for nothing else.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from threadpoolctl import threadpool_limits

from benchmarks.planted_films import SIZE, Films, films
from benchmarks.program import arguments, finish, say
from benchmarks.sequence_lists import listed
from rayce.sequence.recommender import TOP, SequenceRecommender
from rayce.sequence.sequences import Ints, Sequences

QUICK = Films(500, 400)


def read_sequences(table: pa.Table) -> tuple[Sequences, int]:
    """The histories with items numbered from 0 in the order of their ids, and how many items there are.

    >>> read_sequences(pa.table({"user": ["a", "b"], "items": [[30, 10], [30]]}))[0].items.tolist()
    [1, 0, 1]
    """
    lists = table["items"].combine_chunks()
    lengths = np.asarray(lists.value_lengths().fill_null(0))
    ids, items = np.unique(lists.flatten().to_numpy(zero_copy_only=False), return_inverse=True)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Sequences(starts, items.astype(np.int32)), len(ids)


def main() -> int:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--dataset", type=Path)
    parser.add_argument("--lists", action="store_true", help="also the precomputed lists of the jobs")
    parser.add_argument("--only-lists", action="store_true", help="the precomputed lists alone")
    options = parser.parse_args()
    if options.dataset is not None:
        table = pq.read_table(options.dataset / "sequences.parquet", columns=["user", "items"])
    else:
        table = films(QUICK if options.quick else SIZE)
    sequences, n_items = read_sequences(table.slice(0, QUICK.people) if options.quick else table)
    say(f"{sequences.users:,} users, {n_items:,} items, {len(sequences.items):,} steps")
    users = np.flatnonzero(sequences.lengths())
    labels = sequences.last()[users]
    metrics: dict[str, float] = {}
    told: dict[str, object] = {}
    kind = "" if options.dataset else "synthetic_"  # no bar is for these
    if not options.only_lists:
        found, took_s, recommender, fit_s = ask(sequences, n_items)
        metrics |= {f"{kind}{name}": value for name, value in measured(found, labels).items()}
        metrics["query_p50_ms"] = round(1000 * float(np.percentile(took_s, 50)), 3)
        metrics["query_p90_ms"] = round(1000 * float(np.percentile(took_s, 90)), 3)
        metrics["fit_cpu_s"] = round(fit_s, 1)
        told["weights"] = recommender.weights.round(3).tolist()
    if options.lists or options.only_lists:
        for part, most in (("lists", n_items), ("lists_without", 0)):
            started_s = time.process_time()
            every = listed(sequences.shortened(1), n_items, most, say)
            found = [every[user][:TOP] for user in users.tolist()]
            metrics |= {f"{kind}{part}_{name}": value for name, value in measured(found, labels).items()}
            metrics[f"{part}_cpu_s"] = round(time.process_time() - started_s, 1)
    dataset = options.dataset.name if options.dataset else "synthetic"
    settings = {"dataset": dataset, "users": len(users), "items": n_items, "steps": len(sequences.items)}
    finish("sequence", metrics, {**settings, **told})
    return 0


def ask(sequences: Sequences, n_items: int) -> tuple[list[list[int]], list[float], SequenceRecommender, float]:
    """What is recommended to everybody who has a last item, how long each query took, by whom, and the seconds to learn."""
    started_s = time.process_time()
    recommender = SequenceRecommender.fit(sequences.shortened(1), n_items, say=say)
    fit_s = time.process_time() - started_s
    lists, took_s = [], []
    with threadpool_limits(limits=1):
        for user in np.flatnonzero(sequences.lengths()).tolist():
            own = sequences.one(user)
            before_s = time.process_time()
            lists.append(recommender.top(own[:-1], TOP).items.tolist())
            took_s.append(time.process_time() - before_s)
    return lists, took_s, recommender, fit_s


def measured(lists: list[list[int]], labels: Ints) -> dict[str, float]:
    """How often the label is listed, and how far in front.

    >>> measured([[3, 1], [2]], np.array([1, 5]))
    {'hr_at_10': 0.5, 'ndcg_at_10': 0.3155}
    """
    ranks = [found.index(label) if label in found else TOP for found, label in zip(lists, labels.tolist(), strict=True)]
    rank = np.array(ranks)
    return {
        "hr_at_10": round(float((rank < TOP).mean()), 4),
        "ndcg_at_10": round(float(np.where(rank < TOP, 1 / np.log2(rank + 2), 0).mean()), 4),
    }


if __name__ == "__main__":
    sys.exit(main())
