"""Everybody's lists at size: 1 million people, 100,000 products, 50 million events of a shop whose truth is known.

The code of the jobs does it: events in columns → interactions → what goes with what → lists, a block of people at a time, in
programs of their own (`benchmarks.batch_maker`), each on one core. Then the making of lists is begun again, killed (SIGKILL) in
the middle and started again: the bytes must be the same. So must they be where the jobs themselves are killed in the middle of
each of their steps, on a smaller shop (`benchmarks.batch_killed`). In the same run ALS of the `implicit` package ranks the same
products for some of the same people, for lists as long, on one core too (`benchmarks.batch_implicit`). All times are CPU times.

The stages that are compared, the making of lists and the ranking by ALS, have the machine for themselves. Two others each are
under way at once: what goes with what and the fit of ALS; what is killed at size and what is killed in each step.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import batch_killed
from benchmarks.batch_columns import shop_persons
from benchmarks.batch_implicit import ASKED, FACTORS, FITTED, FOUND
from benchmarks.batch_killed import ONE_CORE, Kills, kill_everywhere
from benchmarks.batch_maker import JOB, LENGTH, stored_lists
from benchmarks.planted_lake import TENANT, write_events
from benchmarks.planted_shop import FOLLOWERS, Size, planted
from benchmarks.program import arguments, finish, say
from rayce.checkpoint import place_of

FULL, QUICK = Size(1_000_000, 100_000, 50_000_000), Size(50_000, 10_000, 2_000_000)
ASKED_PEOPLE = 20_000
"""People for whom ALS ranks, and whose lists are looked at."""
TOP = 10
LISTS = "lists-" + 9 * "[0-9]"
"""Finished blocks of lists, as files of a checkpoint."""


def main() -> int:
    """See the module."""
    parser = arguments(__doc__)
    parser.add_argument("--size", type=int, nargs=3, metavar=("PEOPLE", "PRODUCTS", "EVENTS"))
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    options = parser.parse_args()
    size = Size(*options.size) if options.size else QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory(prefix="rayce-batch-", dir=options.folder) as root:
        metrics, settings = measure(Path(root), size, batch_killed.QUICK if options.quick else batch_killed.SIZE)
    finish("batch", metrics, settings | size._asdict())
    return 0


def measure(folder: Path, size: Size, killed_size: Size) -> tuple[dict[str, Any], dict[str, Any]]:
    """All of it, in an empty folder; the jobs are killed on a shop of `killed_size`."""
    (folder / "events").mkdir()
    began_s, cpu_before_s = time.monotonic(), time.process_time()
    afterwards = write_events(folder / "events", size)
    generated_s = time.process_time() - cpu_before_s
    say(f"{size.events:,} events generated in {generated_s:.0f} CPU s")
    read = _run("interactions", folder, folder, size)
    implicit = _implicit(folder, size)
    try:
        affinities = _run("affinities", folder, folder, size)
        _until_fitted(folder, implicit)
        lists = _run("lists", folder, folder / "undisturbed", size)
        with ThreadPoolExecutor(1) as beside:
            everywhere = beside.submit(_killed_everywhere, folder / "killed", killed_size)
            resumed = _killed_and_resumed(folder, size)
            kills = everywhere.result()
        asked = np.sort(np.random.default_rng(0).permutation(lists["people"])[:ASKED_PEOPLE])
        np.save(folder / ASKED, asked)
        als = json.loads(implicit.communicate("go\n")[0].splitlines()[-1])
    finally:
        implicit.kill()
    made = stored_lists(folder / "undisturbed", size, lists["people"])[asked]
    users_per_cpu_s = lists["people"] / lists["cpu_s"]["lists"]
    taken = afterwards[shop_persons(folder)[asked]]
    stages = {"interactions": read, "affinities": affinities, "lists": lists, "resumed": resumed}
    peaks = {name: round(stage["peak_rss_gib"], 2) for name, stage in stages.items()}
    cpu_s = {name: round(value, 1) for stage in (read, affinities, lists) for name, value in stage["cpu_s"].items()}
    metrics = {
        "users_per_cpu_s": round(users_per_cpu_s),
        "implicit_users_per_cpu_s": round(als["users_per_cpu_s"]),
        "ratio_to_implicit": round(users_per_cpu_s / als["users_per_cpu_s"], 2),
        "peak_rss_gib": max(peaks.values()),
        "resumed_identical": resumed["digest"] == lists["digest"] and resumed["reused_lists"] > 0 and kills.identical,
        "blocks_reused": resumed["reused_lists"],
        "steps_killed": len(kills.killed),
        "steps_not_killed": len(kills.missed),
        "hit_rate_at_10": _hit_rate(made, taken),
        "implicit_hit_rate_at_10": _hit_rate(np.load(folder / FOUND), taken),
        "hit_rate_at_10_of_others": _hit_rate(made, np.random.default_rng(1).permutation(afterwards)[asked]),
        "planted_found": _planted_found(folder, planted(size)),
        "events_per_cpu_s": round(read["rows"] / read["cpu_s"]["interactions"]),
    }
    settings = {"length": LENGTH, "implicit_factors": FACTORS, "implicit_users": len(asked)}
    settings |= {"killed_in": kills.killed, "not_killed_in": kills.missed, "killed_of": killed_size._asdict()}
    settings |= {"peaks_gib": peaks, "wall_s": round(time.monotonic() - began_s)}
    return metrics, settings | {"cpu_s": cpu_s | {"generated": round(generated_s, 1), "implicit_fit": als["fit_s"]}}


def _killed_everywhere(folder: Path, size: Size) -> Kills:
    folder.mkdir()
    return kill_everywhere(folder, size)


def _implicit(folder: Path, size: Size) -> "subprocess.Popen[str]":
    """ALS, being fitted; see `benchmarks.batch_implicit`."""
    command = [sys.executable, "-m", "benchmarks.batch_implicit", str(folder), str(size.items), str(LENGTH)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_CORE
    )


def _until_fitted(folder: Path, implicit: "subprocess.Popen[str]") -> None:
    while not (folder / FITTED).exists():
        if implicit.poll() is not None:
            raise RuntimeError(f"implicit has failed: {implicit.returncode}")
        time.sleep(0.1)


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
