"""Everybody's lists at size: 1 million people, 100,000 products, 50 million events of a shop whose truth is known.

The code of the jobs does it: events in columns → interactions → what goes with what → lists, a block of people at a time, in
programs of their own (`benchmarks.batch_maker`), each on one core. Then the making of lists is begun again, killed (SIGKILL) in
the middle and started again: the bytes must be the same. In the same run ALS of the `implicit` package ranks the same products
for some of the same people, for lists as long, also on one core. All times are CPU times.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.batch_maker import JOB, LENGTH, read, stored_lists
from benchmarks.planted_lake import TENANT, batches, catalogue, write_events
from benchmarks.planted_shop import FOLLOWERS, Size, planted
from benchmarks.program import arguments, finish, say
from rayce.checkpoint import place_of

FULL, QUICK = Size(1_000_000, 100_000, 50_000_000), Size(50_000, 10_000, 2_000_000)
FACTORS, ITERATIONS = 64, 3
ASKED = 20_000
"""People for whom ALS ranks, and whose lists are looked at; in batches of `AT_ONCE`."""
AT_ONCE = 1_000
TOP = 10
LISTS = "lists-" + 9 * "[0-9]"
"""Finished blocks of lists, as files of a checkpoint."""
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main() -> int:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--size", type=int, nargs=3, metavar=("PEOPLE", "PRODUCTS", "EVENTS"))
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    options = parser.parse_args()
    size = Size(*options.size) if options.size else QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory(prefix="rayce-batch-", dir=options.folder) as root:
        metrics, settings = measure(Path(root), size)
    finish("batch", metrics, settings | size._asdict())
    return 0


def measure(folder: Path, size: Size) -> tuple[dict[str, Any], dict[str, Any]]:
    """All of it, in an empty folder."""
    (folder / "events").mkdir()
    began_s = time.process_time()
    afterwards = write_events(folder / "events", size)
    generated_s = time.process_time() - began_s
    say(f"{size.events:,} events generated in {generated_s:.0f} CPU s")
    affinities = _run("affinities", folder, folder, size)
    lists = _run("lists", folder, folder / "undisturbed", size)
    resumed = _killed_and_resumed(folder, size)
    asked = np.sort(np.random.default_rng(0).permutation(lists["people"])[:ASKED])
    found = stored_lists(folder / "undisturbed", size, lists["people"])[asked]
    users_per_cpu_s = lists["people"] / lists["cpu_s"]["lists"]
    as_found, events, als = _by_implicit(folder, size, asked)
    shuffled = np.random.default_rng(1).permutation(afterwards)
    cpu_s = {name: round(value, 1) for name, value in (affinities["cpu_s"] | lists["cpu_s"]).items()}
    metrics = {
        "users_per_cpu_s": round(users_per_cpu_s),
        "implicit_users_per_cpu_s": round(als["users_per_cpu_s"]),
        "ratio_to_implicit": round(users_per_cpu_s / als["users_per_cpu_s"], 2),
        "peak_rss_gib": round(max(affinities["peak_rss_gib"], lists["peak_rss_gib"], resumed["peak_rss_gib"]), 2),
        "resumed_identical": resumed["digest"] == lists["digest"] and resumed["reused_lists"] > 0,
        "blocks_reused": resumed["reused_lists"],
        "hit_rate_at_10": _hit_rate(found, afterwards[as_found[asked]]),
        "implicit_hit_rate_at_10": _hit_rate(als["items"], afterwards[as_found[asked]]),
        "hit_rate_at_10_of_others": _hit_rate(found, shuffled[asked]),
        "planted_found": _planted_found(folder, planted(size)),
        "events_per_cpu_s": round(events / affinities["cpu_s"]["interactions"]),
    }
    settings = {"length": LENGTH, "implicit_factors": FACTORS, "implicit_users": len(asked)}
    return metrics, settings | {"cpu_s": cpu_s | {"generated": round(generated_s, 1), "implicit_fit": als["fit_s"]}}


def _command(stage: str, folder: Path, work: Path, size: Size) -> list[str]:
    return [sys.executable, "-m", "benchmarks.batch_maker", stage, str(folder), str(work), *map(str, size)]


def _run(stage: str, folder: Path, work: Path, size: Size) -> dict[str, Any]:
    say(stage)
    command, environment = _command(stage, folder, work, size), os.environ | ONE_CORE
    said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def _killed_and_resumed(folder: Path, size: Size) -> dict[str, Any]:
    """Lists in another folder, from the same tables and blend: killed when half of the blocks are there, then started again."""
    source, work = (place_of(folder / name, JOB, TENANT) for name in ("undisturbed", "disturbed"))
    work.mkdir(parents=True)
    blocks = sorted(source.glob(LISTS))
    for path in source.iterdir():
        if path not in blocks and path.name != "lock":
            shutil.copy2(path, work)
    say("lists, to be killed")
    command, environment = _command("lists", folder, work.parent, size), os.environ | ONE_CORE
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    while process.poll() is None and len(list(work.glob(LISTS))) < max(1, len(blocks) // 2):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    there = len(list(work.glob(LISTS)))
    middle = process.returncode == -signal.SIGKILL and 0 < there < len(blocks)
    say(f"killed with {there} of {len(blocks)} blocks made" if middle else "it was over before it could be killed")
    again = _run("lists", folder, work.parent, size)
    return again | {"reused_lists": there if middle and again["reused"] >= there else 0}


def _by_implicit(folder: Path, size: Size, asked: np.ndarray) -> tuple[np.ndarray, int, dict[str, Any]]:
    """By person number of the interactions the person of the shop; how many rows there are; and what ALS does."""
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy import sparse

    interactions = read(folder, catalogue(size))
    people = int(interactions.person.max()) + 1
    rows = sparse.csr_matrix(
        (interactions.weight, (interactions.person, interactions.item)), shape=(people, size.items), dtype=np.float32
    )
    rows.sum_duplicates()
    events, as_found = len(interactions.item), _in_order_met(folder)
    del interactions
    model = AlternatingLeastSquares(FACTORS, iterations=ITERATIONS, num_threads=1, random_state=0)
    with threadpool_limits(limits=1):
        before_s = time.process_time()
        model.fit(rows, show_progress=False)
        fitted_s = time.process_time()
        found = []
        for first in range(0, len(asked), AT_ONCE):
            some = asked[first : first + AT_ONCE]
            found.append(model.recommend(some, rows[some], N=LENGTH, filter_already_liked_items=False)[0])
        took_s = time.process_time() - fitted_s
    say(f"implicit: fit {fitted_s - before_s:.0f} CPU s, {len(asked) / took_s:,.0f} users a CPU second")
    als = {
        "users_per_cpu_s": len(asked) / took_s,
        "fit_s": round(fitted_s - before_s, 1),
        "items": np.concatenate(found),
    }
    return as_found, events, als


def _in_order_met(folder: Path) -> np.ndarray:
    """The persons of the shop in the order in which the events name them: as the interactions number them."""
    met: dict[str, None] = {}
    for batch in batches(folder / "events"):
        met.update(dict.fromkeys(batch.column("person").unique().to_pylist()))
    return np.array([int(person.rpartition(":")[2], 16) for person in met])


def _hit_rate(lists: np.ndarray, afterwards: np.ndarray) -> float:
    """The share of people of whose next products one is among the first `TOP`."""
    return round(float((lists[:, :TOP, None] == afterwards[:, None, :]).any(axis=(1, 2)).mean()), 4)


def _planted_found(folder: Path, follows: np.ndarray) -> float:
    """The share of the planted followers that is among an item's neighbours on the shelf."""
    from rayce.shelf import Shelf

    shelf = Shelf.from_files({path.name: path.read_bytes() for path in (folder / "shelf").iterdir()})
    return round(
        float((follows[:, :, None] == shelf.neighbours[:, None, :]).any(axis=2).sum() / FOLLOWERS / len(follows)), 4
    )


if __name__ == "__main__":
    sys.exit(main())
