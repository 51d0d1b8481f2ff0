"""How well the session recommender foretells the next click, on a public data set: `--dataset DIR`.

DIR holds `train_sessions.parquet` (session, items; in order of time) and `test_prefix_label.parquet` (prefix, label). Every
prefix foretells its label; all items are ranked, repeats are allowed, a label that was never seen in training is a miss. Knobs
are chosen on the end of the training part; the test part is looked at once, when all is chosen.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.program import arguments, finish, say
from rayce.session_neighbours import Sessions
from rayce.session_rows import session_rows
from rayce.session_tuning import LIMIT, Question, tuned

DATASET = Path(__file__).resolve().parents[2] / "shared" / "data" / "yoochoose1_64"
QUICK = 2_000


def read_lists(path: Path, column: str) -> tuple[np.ndarray, np.ndarray]:
    """All items of a list column, and where each list begins."""
    lists = pq.read_table(path, columns=[column])[column].combine_chunks()
    offsets = lists.offsets.to_numpy()
    return lists.values.to_numpy()[offsets[0] : offsets[-1]], offsets - offsets[0]


def main() -> int:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--dataset", type=Path, default=DATASET)
    options = parser.parse_args()
    if not options.dataset.is_dir():
        parser.error(f"{options.dataset} is not there: name a folder with --dataset")
    clicks, starts = read_lists(options.dataset / "train_sessions.parquet", "items")
    started_s = time.process_time()
    ids, items = np.unique(clicks, return_inverse=True)
    session = np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))
    rows = session_rows(session, items.astype(np.int32), np.arange(len(items)))
    say(f"{len(starts) - 1:,} sessions, {len(items):,} clicks, {len(ids):,} items")
    knobs = tuned(rows, len(ids), np.random.default_rng(0))
    tune_s = time.process_time() - started_s
    say(f"chosen in {tune_s:.0f} s: {knobs}")
    built_s = time.process_time()
    sessions = Sessions(rows, len(ids), knobs)
    fit_s = time.process_time() - built_s + tune_s

    number = {item: n for n, item in enumerate(ids.tolist())}
    prefixes, begins = read_lists(options.dataset / "test_prefix_label.parquet", "prefix")
    labels = pq.read_table(options.dataset / "test_prefix_label.parquet", columns=["label"])["label"].to_pylist()
    asked = np.arange(len(labels))
    if options.quick:
        asked = np.sort(np.random.default_rng(0).permutation(len(labels))[:QUICK])
    ranks, took_s = [], []
    for n in asked.tolist():
        prefix = [number[i] for i in prefixes[begins[n] : begins[n + 1]].tolist() if i in number]
        question = Question(prefix, number.get(labels[n], -1))
        before_s = time.process_time()
        found = sessions.near(question.session, LIMIT).items.tolist() if prefix else []
        took_s.append(time.process_time() - before_s)
        ranks.append(found.index(question.label) + 1 if question.label in found else 0)
    hits = np.array(ranks)
    metrics = {
        "hr_at_20": round(100 * float((hits > 0).mean()), 2),
        "mrr_at_20": round(100 * float(np.divide(1, hits, where=hits > 0, out=np.zeros(len(hits))).mean()), 2),
        "query_p50_ms": round(1000 * float(np.percentile(took_s, 50)), 3),
        "query_p90_ms": round(1000 * float(np.percentile(took_s, 90)), 3),
        "fit_s": round(fit_s, 1),
    }
    settings = {"dataset": options.dataset.name, "sessions": len(starts) - 1, "questions": len(asked)}
    finish("relevance", metrics, {**settings, "knobs": knobs._asdict()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
