"""How the parts of lists are weighed in a run that makes all: as live, or learned anew and then held against the live lists."""

import msgspec

from jobs.job import Job
from rayce.checkpoint import Checkpoint
from rayce.decay import DAY_MS
from rayce.item import Item
from rayce.lists.against_live import against_live
from rayce.lists.blend import LEARNED, Blend
from rayce.lists.generation import ListsGeneration
from rayce.lists.learning import learn
from rayce.lists.source import Source
from rayce.lists.tables import Tables, make_tables
from rayce.shelf import Shelf
from rayce.verdict import insist

Live = tuple[int, ListsGeneration]
"""The number of the live generation, and it."""


def learned(
    job: Job, shelf: Shelf, source: Source, live: Live | None, checkpoint: Checkpoint, seal: str
) -> tuple[Blend, Tables]:
    """The weights and tables of a run that makes all lists; kept, should it be killed. `WorseThanLive` as `_insist` says."""
    near = job.settings.lists.ease_neighbours
    blend = msgspec.msgpack.decode(
        checkpoint.block(f"blend-{seal}", lambda: msgspec.msgpack.encode(_blend(job, shelf, source, live))), type=Blend
    )
    made = checkpoint.block(
        f"tables-{seal}", lambda: make_tables(shelf, source.taught, source.until_ms, near).to_bytes()
    )
    _insist(job, shelf, source, blend, live)
    return blend, Tables.from_bytes(made)


def _blend(job: Job, shelf: Shelf, source: Source, live: Live | None) -> Blend:
    """The live one as long as it is young enough; else learned anew."""
    settings, taught, now_ms = job.settings.lists, source.taught, source.until_ms
    if settings.learn_people == 0 or not len(taught.item):
        return Blend()
    if live is not None and live[1].blend.origin.kind == LEARNED:
        age_days = (now_ms - live[1].blend.origin.until_ms) / DAY_MS
        if 0 <= age_days < settings.learn_days:
            job.say(f"weights of {age_days:.1f} days ago are young enough")
            return live[1].blend
    from_ms = int(taught.at_ms.min())
    return learn(
        _items(job, shelf),
        taught,
        from_ms,
        now_ms,
        job.say,
        most_people=settings.learn_people,
        near=settings.ease_neighbours,
    )


def _items(job: Job, shelf: Shelf) -> list[Item]:
    """The catalogue in the shelf's order; what has left it since is known by its id only."""
    known = {item.item_id: item for item in job.items()}
    return [known.get(item_id) or Item(item_id) for item_id in shelf.ids]


def _insist(job: Job, shelf: Shelf, source: Source, blend: Blend, live: Live | None) -> None:
    """`WorseThanLive` where other weights than the live ones make worse lists, and nobody insists."""
    if live is None or live[1].blend == blend:
        return
    number, as_of_ms = live[0], live[1].manifest.as_of_ms
    near = job.settings.lists.ease_neighbours
    found = against_live(
        _items(job, shelf), source, blend, as_of_ms, lambda people: job.durable.load_lists(number, people), near
    )
    job.say(f"against the live lists: {found.why}")
    insist(found, job.force)
