"""What batch jobs do with the planted shop's events, as a program of its own: it can be killed, and its memory seen.

`interactions`: events in columns → interactions, as files that the other stages begin with. `affinities`: the shelf, as files.
`lists`: the tables, a blend learned from some of the people, and everybody's lists, a block of people at a time into a
checkpoint. The last line is JSON.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.batch_columns import load_columns, read_columns
from benchmarks.planted_lake import TENANT, catalogue
from benchmarks.planted_shop import BEGIN_MS, SPAN_MS, Size
from benchmarks.program import say
from rayce.affinities import build
from rayce.checkpoint import Checkpoint
from rayce.item import Item
from rayce.lists.blend import Blend
from rayce.lists.histories import Histories, histories_of
from rayce.lists.learning import learn
from rayce.lists.maker import ListMaker
from rayce.lists.tables import Tables, make_tables
from rayce.shelf import Shelf

JOB = "build_recommendations"
LENGTH = 100
BLOCK_USERS = 2_000
LEARNED_FROM = 3_000
"""People whose history the blend is learned from."""
UNTIL_MS = BEGIN_MS + SPAN_MS


class Stages:
    """CPU seconds by what they were for."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = {}

    def run(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` makes."""
        before_s = time.process_time()
        made = make()
        self.cpu_s[name] = self.cpu_s.get(name, 0.0) + time.process_time() - before_s
        say(f"  {name}: {self.cpu_s[name]:.1f} CPU s, at most {_peak_gib():.2f} GiB so far")
        return made


def build_affinities(folder: Path, items: list[Item], stages: Stages) -> None:
    """Leaves the shelf's files in the folder `shelf`."""
    interactions = stages.run("load", lambda: load_columns(folder))
    shelf = stages.run("affinities", lambda: build(items, interactions, UNTIL_MS).shelf)
    (folder / "shelf").mkdir()
    for name, body in shelf.to_files().items():
        (folder / "shelf" / name).write_bytes(body)


def build_lists(folder: Path, work: Path, items: list[Item], stages: Stages) -> dict[str, Any]:
    """Leaves the lists in the checkpoint in the folder `work`; says how many, and their digest."""
    checkpoint = Checkpoint.begin(work, JOB, TENANT, {"items": len(items)}, say)
    histories, maker = _before(folder, checkpoint, items, stages)
    people, digest = len(histories.start) - 1, blake2b(digest_size=16)
    stages.run("compile", lambda: maker.block(histories.people(0, 1), UNTIL_MS, LENGTH))

    def one(first: int) -> bytes:
        made = maker.block(histories.people(first, min(first + BLOCK_USERS, people)), UNTIL_MS, LENGTH)
        return made.items.tobytes() + made.scores.tobytes()

    def everybody() -> None:
        for first in range(0, people, BLOCK_USERS):
            digest.update(checkpoint.block(_name(first), lambda first=first: one(first)))

    stages.run("lists", everybody)
    checkpoint.close()
    return {"people": people, "digest": digest.hexdigest(), "reused": checkpoint.reused}


def stored_lists(work: Path, size: Size, people: int) -> np.ndarray:
    """People × `LENGTH`: the items of all lists that a run has left in the folder `work`."""
    checkpoint = Checkpoint.begin(work, JOB, TENANT, {"items": size.items}, say)
    found = []
    for first in range(0, people, BLOCK_USERS):
        made = checkpoint.get(_name(first))
        assert made is not None
        found.append(np.frombuffer(made[: len(made) // 2], np.int32).reshape(-1, LENGTH))
    checkpoint.close()
    return np.concatenate(found)


def _name(first: int) -> str:
    return f"lists-{first:09}"


def _before(folder: Path, checkpoint: Checkpoint, items: list[Item], stages: Stages) -> tuple[Histories, ListMaker]:
    interactions = stages.run("load", lambda: load_columns(folder))
    shelf = Shelf.with_parts({path.name: path.read_bytes() for path in (folder / "shelf").iterdir()})

    def blend() -> bytes:
        some = interactions.where(interactions.person < LEARNED_FROM)
        return learn(items, some, BEGIN_MS, UNTIL_MS, say, cuts=2).text.encode()

    def tables() -> bytes:
        return make_tables(shelf, interactions, UNTIL_MS).to_bytes()

    text = stages.run("blend", lambda: checkpoint.block("blend", blend)).decode()
    stored = stages.run("tables", lambda: checkpoint.block("tables", tables))
    maker = ListMaker(Tables.from_bytes(stored), Blend(text))
    return stages.run("histories", lambda: histories_of(interactions)), maker


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> int:
    """`batch_maker STAGE FOLDER WORK SIZE…`; `WORK` is where lists are made."""
    stage, folder, work, *size = sys.argv[1:]
    items, stages, said = catalogue(Size(*map(int, size))), Stages(), dict[str, Any]()
    np.seterr(over="ignore")
    if stage == "interactions":
        said = {"rows": stages.run("interactions", lambda: read_columns(Path(folder), items))}
    elif stage == "affinities":
        build_affinities(Path(folder), items, stages)
    else:
        said = build_lists(Path(folder), Path(work), items, stages)
    print(json.dumps(said | {"cpu_s": stages.cpu_s, "peak_rss_gib": _peak_gib()}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
