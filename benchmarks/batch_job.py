"""A batch job as a process of its own that can be killed: the job's own code, on a real lake, with other stores in memory.

What a kill leaves is what the job has kept in the folder `work`; nothing was published. Where the job ends well, what it has
made live, lists too, is left as files in the folder `made`.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.planted_lake import TENANT, catalogue, pseudonym
from benchmarks.planted_shop import Size
from jobs.build_affinities import build_affinities
from jobs.build_recommendations import build_recommendations
from jobs.frame import teller
from jobs.job import Job, run
from jobs.pinned_input import PinnedInput
from jobs.sources import LakeEvents
from rayce.batch_settings import BatchSettings
from rayce.checkpoint import former
from rayce.features.feature_set import ALL
from rayce.item import encode_item
from rayce.lake.reading import open_lake
from rayce.lake.settings import LakeSettings
from rayce.publication import publish
from rayce.segments.catalogue import load_catalogue
from rayce.settings import Settings
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot

JOBS = {"build_affinities": build_affinities, "build_recommendations": build_recommendations}
BLOCK_USERS = 1_000


def job_of(name: str, folder: Path, work: Path, durable: MemoryDurable) -> Job:
    """The job on the lake in `folder`; goes on where one that was killed has left off in `work`."""
    settings = Settings(
        batch=BatchSettings(work_path=str(work), block_users=BLOCK_USERS), lake=LakeSettings(path=str(folder / "lake"))
    )
    say = teller(name)
    pinned = PinnedInput(LakeEvents(open_lake(settings.lake), TENANT), former(work, name, TENANT), say)
    return Job(
        tenant=TENANT,
        settings=settings,
        durable=durable,
        open_hot=MemoryHot,
        records=pinned.records,
        catalogue=load_catalogue(),
        features=ALL,
        say=say,
        program=name,
        input=pinned,
        options=argparse.Namespace(columns=True),
    )


def stores(folder: Path, size: Size) -> MemoryDurable:
    """Durable memory with the catalogue, and with what former jobs have made live in the folder `live`."""
    durable = MemoryDurable()
    durable.save_items(TENANT, {item.item_id: encode_item(item) for item in catalogue(size)})
    for kind in sorted((folder / "live").glob("*")):
        files = {path.name: path.read_bytes() for path in sorted(kind.iterdir())}
        publish(durable, f"{TENANT}/{kind.name}", files, lambda _: None)
    return durable


def leave(durable: MemoryDurable, generation: dict[str, int], persons: list[str], made: Path) -> None:
    """The files of what was made live, by kind; and of lists those of all people."""
    for name, number in generation.items():
        place = made / name.rpartition("/")[2]
        place.mkdir(parents=True)
        for file, body in durable.load_generation(name, number).items():
            (place / file).write_bytes(body)
        if place.name == "lists":
            lists = durable.load_lists(number, persons)
            (place / "everybody").write_bytes(b"".join(person.encode() + lists[person] for person in sorted(lists)))


def main() -> int:
    """`batch_job NAME FOLDER WORK MADE SIZE…`."""
    name, folder, work, made, *numbers = sys.argv[1:]
    size = Size(*map(int, numbers))
    durable, persons = stores(Path(folder), size), [pseudonym(n) for n in range(size.people)]
    before = durable.live()
    exit_code = run(name, JOBS[name], job_of(name, Path(folder), Path(work), durable))
    if exit_code == 0:
        leave(durable, dict(durable.live().items() - before.items()), persons, Path(made))
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
