"""Precomputes everybody's list as generation `<tenant>/lists`, in DynamoDB and Redis.

With `--changed` only people who did something since the live generation get a new list, from its tables and weights; those of
the others are carried over as they are. Blocks of people are shared out under Ray, and kept, should the job be killed.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from jobs.blocks import kept_blocks
from jobs.job import Job, Outcome, main
from jobs.list_source import read_source
from rayce.decay import DAY_MS
from rayce.errors import InvalidArtifact, InvalidInput, NotEnoughData
from rayce.list_publication import store_lists
from rayce.lists.again import again_days
from rayce.lists.against_live import against_live
from rayce.lists.blend import LEARNED, Blend
from rayce.lists.generation import ListsGeneration, ListsManifest
from rayce.lists.histories import Histories
from rayce.lists.learning import learn
from rayce.lists.maker import ListMaker
from rayce.lists.source import Source
from rayce.lists.tables import Tables, make_tables
from rayce.precomputed import encode_list
from rayce.publication import go_live, write_generation
from rayce.shelf import Shelf
from rayce.verdict import insist

Entries = list[tuple[str, bytes]]
"""People with their encoded lists."""
_encode, _decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Entries).decode


class Kitchen(NamedTuple):
    """What every block needs."""

    ids: list[str]
    tables: Tables
    blend: Blend
    again_days: NDArray[np.float64]
    now_ms: int
    length: int


class People(NamedTuple):
    """A block of people and their histories."""

    persons: Sequence[str]
    histories: Histories


def build_recommendations(job: Job) -> Outcome:
    """Precompute a list for everybody who allows personalization."""
    shelf_number, shelf = _shelf(job)
    live = _live(job)
    checkpoint = job.checkpoint({"shelf": shelf_number, "lists": live[0] if live else 0})
    source = read_source(job, shelf.number)
    now_ms = source.until_ms
    job.say(f"{len(source.persons):,} people, {len(source.histories.item):,} products bought or looked at")
    digests = source.histories.digests(source.persons)
    carried = np.zeros(len(source.persons), dtype=np.bool_)
    former = live[1] if live and _only_changed(job, live[1], shelf_number) else None
    if former is not None:
        carried = np.isin(digests, former.people)
        blend, tables = former.blend, former.tables
    else:
        blend = _decoded_blend(
            checkpoint.block("blend", lambda: msgspec.msgpack.encode(_blend(job, source, now_ms, live)))
        )
        near = job.settings.lists.ease_neighbours
        made = checkpoint.block("tables", lambda: make_tables(shelf, source.taught, now_ms, near).to_bytes())
        tables = Tables.from_bytes(made)
    if former is None:
        _insist(job, source, blend, live)
    rules = again_days(shelf, job.settings.lists.again_days, job.settings.lists.again_days_by_category)
    kitchen = Kitchen(shelf.ids, tables, blend, rules, now_ms, job.settings.lists.length)
    name, number_before = job.name("lists"), live[0] if live else 0
    manifest = ListsManifest(
        count=len(source.persons),
        shelf=shelf_number,
        as_of_ms=now_ms,
        carried=int(carried.sum()),
        carried_from=number_before if former else 0,
        weights=blend.origin,
    )
    generation = ListsGeneration(manifest, blend, tables, digests)
    number = write_generation(job.durable, name, generation.to_files(), ListsGeneration.from_files)
    batch = job.settings.batch
    blocks = _blocks(source, np.flatnonzero(~carried), batch.block_users)
    made_lists = _entries(kept_blocks(make_block, blocks, kitchen, batch.parallel, checkpoint))
    lists = job.counted(made_lists, "lists made", len(source.persons) - manifest.carried)
    stored = store_lists(job.durable, job.open_hot(), number, lists, job.settings.redis.profile_ttl_s)
    if manifest.carried:
        old = _carried(
            job, [source.persons[n] for n in np.flatnonzero(carried).tolist()], number_before, batch.block_users
        )
        job.say(
            f"{manifest.carried:,} people did nothing new: their lists of generation {number_before} are carried over"
        )
        more = store_lists(job.durable, job.open_hot(), number, old, job.settings.redis.profile_ttl_s)
        stored.lists, stored.hot = stored.lists + more.lists, stored.hot + more.hot
        stored.hot_away = stored.hot_away or more.hot_away
    if stored.hot_away:
        job.say(f"hot memory did not take all lists, readers will fetch them: {stored.hot_away}")
    go_live(job.durable, name, number)
    metrics = {
        "lists": stored.lists,
        "hot": stored.hot,
        "carried": manifest.carried,
        "blocks_kept": checkpoint.reused,
        "weights_learned": blend.origin.kind == LEARNED,
        **{f"weights_{name}": value for name, value in blend.origin.metrics.items()},
    }
    return Outcome({name: number}, {name: float(value) for name, value in metrics.items()})


def make_block(kitchen: Kitchen, people: People) -> bytes:
    """The lists of a block of people, encoded."""
    maker = ListMaker(kitchen.tables, kitchen.blend, kitchen.again_days)
    made = maker.block(people.histories, kitchen.now_ms, kitchen.length).lists(kitchen.ids)
    return _encode([(person, encode_list(each)) for person, each in zip(people.persons, made, strict=True)])


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


def _live(job: Job) -> tuple[int, ListsGeneration] | None:
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


def _blend(job: Job, source: Source, now_ms: int, live: tuple[int, ListsGeneration] | None) -> Blend:
    """The live one as long as it is young enough; else learned anew."""
    settings, taught = job.settings.lists, source.taught
    if settings.learn_people == 0 or not len(taught.item):
        return Blend()
    if live is not None and live[1].blend.origin.kind == LEARNED:
        age_days = (now_ms - live[1].blend.origin.until_ms) / DAY_MS
        if 0 <= age_days < settings.learn_days:
            job.say(f"weights of {age_days:.1f} days ago are young enough")
            return live[1].blend
    from_ms = int(taught.at_ms.min())
    return learn(job.items(), taught, from_ms, now_ms, job.say, most_people=settings.learn_people)


def _insist(job: Job, source: Source, blend: Blend, live: tuple[int, ListsGeneration] | None) -> None:
    """`WorseThanLive` where other weights than the live ones make worse lists, and nobody insists."""
    if live is None or live[1].blend == blend:
        return
    number, as_of_ms = live[0], live[1].manifest.as_of_ms
    near = job.settings.lists.ease_neighbours
    found = against_live(
        job.items(), source, blend, as_of_ms, lambda people: job.durable.load_lists(number, people), near
    )
    job.say(f"against the live lists: {found.why}")
    insist(found, job.force)


def _decoded_blend(data: bytes) -> Blend:
    return msgspec.msgpack.decode(data, type=Blend)


def _blocks(source: Source, chosen: NDArray[np.intp], size: int) -> Iterator[tuple[str, People]]:
    for first in range(0, len(chosen), size):
        numbers = chosen[first : first + size]
        people = People([source.persons[n] for n in numbers.tolist()], source.histories.of(numbers))
        yield f"lists-{first // size:06}", people


def _entries(blocks: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    for block in blocks:
        yield from _decode(block)


def _carried(job: Job, persons: Sequence[str], number: int, size: int) -> Iterator[tuple[str, bytes]]:
    """The lists as that generation has them; who had none (they were being written when it was killed) goes without."""
    for first in range(0, len(persons), size):
        found = job.durable.load_lists(number, persons[first : first + size])
        yield from ((person, found[person]) for person in persons[first : first + size] if person in found)


if __name__ == "__main__":
    sys.exit(main("build_recommendations", build_recommendations, add=arguments))
