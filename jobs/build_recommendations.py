"""Precomputes everybody's list as generation `<tenant>/lists`, in DynamoDB and Redis.

With `--changed` only people who did something since the live generation get a new list, from its tables and weights; those of
the others are carried over as they are. Blocks of people are shared out under Ray, and kept, should the job be killed.
The generation is complete (it counts, and can be gone back to) only once all of its lists are stored.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec
import numpy as np

from jobs.blocks import kept_blocks
from jobs.job import Job, Outcome, main
from jobs.list_blocks import Kitchen, blocks_of, entries_of, make_block
from jobs.list_source import read_source
from jobs.list_weights import Live, learned
from rayce.errors import InvalidArtifact, InvalidInput, NotEnoughData
from rayce.list_publication import store_lists
from rayce.lists.again import again_days
from rayce.lists.blend import LEARNED
from rayce.lists.expected import Expectation
from rayce.lists.generation import ListsGeneration, ListsManifest
from rayce.publication import go_live, write_generation
from rayce.shelf import Shelf


def build_recommendations(job: Job) -> Outcome:
    """Precompute a list for everybody who allows personalization."""
    shelf_number, shelf = _shelf(job)
    live = _live(job)
    settings, name = job.settings.lists, job.name("lists")
    own = {"shelf": shelf_number, "lists": live[0] if live else 0, "settings": msgspec.to_builtins(settings)}
    checkpoint = job.checkpoint(own)
    source = read_source(job, shelf.number)
    job.say(f"{len(source.persons):,} people, {len(source.histories.item):,} products bought or looked at")
    digests = source.histories.digests(source.persons)
    carried = np.zeros(len(source.persons), dtype=np.bool_)
    former = live[1] if live and _only_changed(job, live[1], shelf_number) else None
    if former is not None:
        carried = np.isin(digests, former.people)
        blend, tables, sequence = former.blend, former.tables, former.sequence
        seal = "former" if sequence is None else source.seal()
    else:
        seal = source.seal()
        blend, tables, sequence = learned(job, shelf, source, live, checkpoint, seal)
    expectation = Expectation(sequence.of(shelf.ids), source.taught, len(shelf.ids)) if sequence is not None else None
    rules = again_days(shelf, settings.again_days, settings.again_days_by_category)
    kitchen = Kitchen(shelf.ids, tables, blend, rules, source.until_ms, settings.length, expectation)
    manifest = ListsManifest(
        count=len(source.persons),
        shelf=shelf_number,
        as_of_ms=source.until_ms,
        carried=int(carried.sum()),
        carried_from=live[0] if live and former else 0,
        weights=blend.origin,
    )
    generation = ListsGeneration(manifest, blend, tables, digests, sequence)
    number = job.durable.issue(name)
    blocks = blocks_of(source, digests, np.flatnonzero(~carried), job.settings.batch.block_users, seal)
    made = entries_of(kept_blocks(make_block, blocks, kitchen, job.settings.batch.parallel, checkpoint))
    old = _carried(job, [source.persons[n] for n in np.flatnonzero(carried).tolist()], manifest.carried_from)
    lists = job.counted(chain(made, old), "lists made or carried over", len(source.persons))
    stored = store_lists(job.durable, job.open_hot(), number, lists, job.settings.redis.profile_ttl_s)
    if stored.hot_away:
        job.say(f"hot memory did not take all lists, readers will fetch them: {stored.hot_away}")
    write_generation(job.durable, name, generation.to_files(), ListsGeneration.from_files, number)
    go_live(job.durable, name, number)
    metrics = {
        "lists": stored.lists,
        "hot": stored.hot,
        "carried": manifest.carried,
        "blocks_kept": checkpoint.reused,
        "weights_learned": blend.origin.kind == LEARNED,
        "by_sequence": sequence is not None,
        **{f"weights_{name}": value for name, value in blend.origin.metrics.items()},
    }
    return Outcome({name: number}, {name: float(value) for name, value in metrics.items()})


def arguments(parser: argparse.ArgumentParser) -> None:
    """The job's own options."""
    parser.add_argument(
        "--changed",
        action="store_true",
        help="only people who did something since the live lists; carry the others over",
    )


def _shelf(job: Job) -> tuple[int, Shelf]:
    name = job.name("shelf")
    number = job.durable.live(name).get(name)
    if number is None:
        raise NotEnoughData(f"there is no live generation of {name}: run jobs.build_affinities first")
    return number, Shelf.with_parts(job.durable.load_generation(name, number))


def _live(job: Job) -> Live | None:
    """The live generation; None where there is none, or one of a former version."""
    name = job.name("lists")
    number = job.durable.live(name).get(name)
    if number is None:
        return None
    try:
        return number, ListsGeneration.from_files(job.durable.load_generation(name, number))
    except (InvalidArtifact, InvalidInput) as error:
        job.say(f"the live lists cannot be gone on with: {error}")
        return None


def _only_changed(job: Job, former: ListsGeneration, shelf_number: int) -> bool:
    """Whether those who did nothing new keep their lists."""
    if not getattr(job.options, "changed", False):
        return False
    if former.manifest.shelf != shelf_number:
        job.say(f"shelf {shelf_number} is live, the lists are of {former.manifest.shelf}: all are made anew")
        return False
    return True


def _carried(job: Job, persons: Sequence[str], number: int) -> Iterator[tuple[str, bytes]]:
    """The lists as that generation has them."""
    size = job.settings.batch.block_users
    for first in range(0, len(persons), size):
        found = job.durable.load_lists(number, persons[first : first + size])
        yield from ((person, found[person]) for person in persons[first : first + size] if person in found)


if __name__ == "__main__":
    sys.exit(main("build_recommendations", build_recommendations, add=arguments))
