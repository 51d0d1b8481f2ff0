"""How the parts of lists are weighed in a run that makes all: as live, or learned anew and then held against the live lists."""

from typing import NamedTuple

import msgspec

from jobs.job import Job
from rayce.checkpoint import Checkpoint
from rayce.decay import DAY_MS
from rayce.item import Item
from rayce.lists.against_live import against_live
from rayce.lists.blend import LEARNED, Blend
from rayce.lists.expected import Known, learn_on, learn_past
from rayce.lists.generation import ListsGeneration
from rayce.lists.learning import cut_moments, learn
from rayce.lists.source import Source
from rayce.lists.tables import Tables, make_tables
from rayce.sequence.learnt import Learnt
from rayce.shelf import Shelf
from rayce.verdict import insist

Live = tuple[int, ListsGeneration]
"""The number of the live generation, and it."""


class Learned(NamedTuple):
    """The weights of the parts, the tables, and what the order of purchases has taught, where lists follow from it."""

    blend: Blend
    tables: Tables
    sequence: Known | None


def learned(job: Job, shelf: Shelf, source: Source, live: Live | None, checkpoint: Checkpoint, seal: str) -> Learned:
    """Of a run that makes all lists; kept, should it be killed. `WorseThanLive` as `_insist` says."""
    moments = _moments(job, source)
    by_sequence = len(moments) > 1 and _by_sequence(job, shelf)
    near, past = job.settings.lists.ease_neighbours, None
    young = _young(job, source, live, by_sequence)
    if young is not None:
        blend, sequence = young.blend, young.sequence
    else:
        past, sequence = _sequences(job, shelf, source, moments[-1], checkpoint, seal) if by_sequence else (None, None)
        blend = msgspec.msgpack.decode(
            checkpoint.block(f"blend-{seal}", lambda: msgspec.msgpack.encode(_blend(job, shelf, source, past))),
            type=Blend,
        )
    made = checkpoint.block(
        f"tables-{seal}", lambda: make_tables(shelf, source.taught, source.until_ms, near).to_bytes()
    )
    _insist(job, shelf, source, blend, live, past)
    return Learned(blend, Tables.from_bytes(made), sequence)


def _moments(job: Job, source: Source) -> list[int]:
    """Of the past, from which weights may be learned; none where they are fixed."""
    taught = source.taught
    if job.settings.lists.learn_people == 0 or not len(taught.item):
        return []
    return cut_moments(taught, int(taught.at_ms.min()), source.until_ms)


def _by_sequence(job: Job, shelf: Shelf) -> bool:
    most, count = job.settings.lists.sequence_items, len(shelf.ids)
    if 0 < most < count:
        job.say(f"{count:,} products are more than lists.sequence_items: lists do without the order of purchases")
    return count <= most


def _young(job: Job, source: Source, live: Live | None, by_sequence: bool) -> ListsGeneration | None:
    """The live lists, where their weights need not be learned anew."""
    if live is None or live[1].blend.origin.kind != LEARNED or (live[1].sequence is not None) != by_sequence:
        return None
    if job.settings.lists.learn_people == 0 or not len(source.taught.item):
        return None
    age_days = (source.until_ms - live[1].blend.origin.until_ms) / DAY_MS
    if not 0 <= age_days < job.settings.lists.learn_days:
        return None
    job.say(f"weights of {age_days:.1f} days ago are young enough")
    return live[1]


def _sequences(
    job: Job, shelf: Shelf, source: Source, past_ms: int, checkpoint: Checkpoint, seal: str
) -> tuple[Learnt, Known]:
    """What the order of purchases taught before the oldest moment that weights are learned from, and what it teaches now."""
    taught, count = source.taught, len(shelf.ids)

    def learn_first() -> bytes:
        job.say("learning from the order of purchases")
        return learn_past(taught, count, past_ms, job.say).to_bytes()

    past = Learnt.from_bytes(checkpoint.block(f"sequence-past-{seal}", learn_first))
    now = checkpoint.block(f"sequence-{seal}", lambda: learn_on(past, taught, count).to_bytes())
    return past, Known(Learnt.from_bytes(now), list(shelf.ids))


def _blend(job: Job, shelf: Shelf, source: Source, past: Learnt | None) -> Blend:
    settings, taught = job.settings.lists, source.taught
    if settings.learn_people == 0 or not len(taught.item):
        return Blend()
    return learn(
        _items(job, shelf),
        taught,
        int(taught.at_ms.min()),
        source.until_ms,
        job.say,
        most_people=settings.learn_people,
        near=settings.ease_neighbours,
        past=past,
    )


def _items(job: Job, shelf: Shelf) -> list[Item]:
    """The catalogue in the shelf's order; what has left it since is known by its id only."""
    known = {item.item_id: item for item in job.items()}
    return [known.get(item_id) or Item(item_id) for item_id in shelf.ids]


def _insist(job: Job, shelf: Shelf, source: Source, blend: Blend, live: Live | None, past: Learnt | None) -> None:
    """`WorseThanLive` where other weights than the live ones make worse lists, and nobody insists."""
    if live is None or live[1].blend == blend:
        return
    number, as_of_ms = live[0], live[1].manifest.as_of_ms
    near = job.settings.lists.ease_neighbours
    found = against_live(
        _items(job, shelf), source, blend, as_of_ms, lambda people: job.durable.load_lists(number, people), near, past
    )
    job.say(f"against the live lists: {found.why}")
    insist(found, job.force)
