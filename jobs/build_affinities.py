"""Builds `<tenant>/shelf` (items, what goes with what, sessions, popularity) and `<tenant>/popular` (top lists, trends).

What goes with what is blended of what is met together, what follows and what is alike; the blend is the one that foretells the
end of the history best, and is told.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

from jobs.job import Job, Outcome, main
from rayce.affinities import Chosen, build, build_popular, check_popular, check_shelf, with_living
from rayce.column_history import COLUMNS, interactions_of
from rayce.consent import PERSONALIZATION, TRAINING
from rayce.errors import InvalidArtifact, InvalidInput, NotEnoughData
from rayce.history import replay
from rayce.interactions import Interactions, gather
from rayce.publication import go_live, write_generation
from rayce.segment_models import load_segment_models
from rayce.shelf import Shelf
from rayce.trending import build_trends

PURPOSES = PERSONALIZATION | TRAINING
CONSENTS_AT_ONCE = 10_000


def build_affinities(job: Job) -> Outcome:
    """Find out what goes with what, and what is popular with whom."""
    checkpoint = job.checkpoint()
    items = job.items()
    known_since = _known_since(job)
    number = {item.item_id: n for n, item in enumerate(items)}
    interactions, until_ms = _by_columns(job, number) if _wants_columns(job) else _folded(job, number)
    purchases = interactions.purchases()

    def keep(name: str, make: Callable[[], bytes]) -> bytes:
        def said() -> bytes:
            job.say(f"working on {name.partition('-')[0]}")
            return make()

        return checkpoint.block(name, said)

    built = build(items, interactions, until_ms, known_since, keep=keep)
    shelf, chosen = built
    job.say(_told(chosen))
    trends = build_trends(interactions, shelf.available, job.catalogue.names, until_ms)
    shelf = with_living(shelf, interactions, trends)
    popular = build_popular(shelf, purchases, job.catalogue.names, until_ms, trends)
    with_neighbours = int((shelf.neighbours[:, 0] >= 0).sum())
    job.say(
        f"{with_neighbours:,} items have neighbours; top lists: everybody, {', '.join(popular.segments) or 'no segment'}"
    )
    made = {
        job.name("shelf"): (shelf.to_files(), check_shelf),
        job.name("popular"): (popular.to_files(), check_popular),
    }
    generations = {name: write_generation(job.durable, name, files, check) for name, (files, check) in made.items()}
    for name, number in generations.items():
        go_live(job.durable, name, number)
    metrics = {
        "items": len(items),
        "items_bought": int((shelf.popularity > 0).sum()),
        "items_with_neighbours": with_neighbours,
        "purchases": len(purchases.item),
        "segment_lists": len(popular.segments),
        "trending_lists": len(trends),
        "sessions": len(shelf.sessions.rows.starts) - 1 if shelf.sessions else 0,
        "blend_bm25": chosen.blend.scheme == "bm25",
        "blend_follows": chosen.blend.follows,
        "blend_alike": chosen.blend.alike,
        "blend_questions": chosen.questions,
        "blend_mrr_at_20": round(chosen.mrr, 4),
        "cosine_mrr_at_20": round(chosen.cosine_mrr, 4),
    }
    return Outcome(generations, {name: float(value) for name, value in metrics.items()})


def _folded(job: Job, number: Mapping[str, int]) -> tuple[Interactions, int]:
    """Every event through the fold, so that it is known in which segments people were."""
    history = job.history(PURPOSES)
    models = load_segment_models(job.durable, job.tenant, job.features)
    job.say(f"segments by rules and {len(models)} live models")
    moments = job.counted(replay(history.events(), {}, job.catalogue, models, job.features), "events folded")
    return gather(moments, number), history.until_ms


def _wants_columns(job: Job) -> bool:
    return bool(getattr(job.options, "columns", False))


def _by_columns(job: Job, number: Mapping[str, int]) -> tuple[Interactions, int]:
    """From the lake's columns: a tenth of the time and memory, and nothing of segments and countries."""
    lake = job.lake()
    if lake is None:
        raise InvalidInput("--columns reads the lake: set lake.path, or leave it out", "columns", True)

    def denied(persons: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for first in range(0, len(persons), CONSENTS_AT_ONCE):
            consents = job.durable.load_consents(persons[first : first + CONSENTS_AT_ONCE])
            found.update(who for who, consent in consents.items() if consent.purposes & PURPOSES != PURPOSES)
        return found

    batches = job.counted(lake.batches(COLUMNS, job.tenant, ordered=True), "batches of the lake read")
    found = interactions_of(batches, number, PURPOSES, denied)
    job.say(f"{found.events:,} events of {found.people:,} people may be used, by columns")
    if not found.events:
        raise NotEnoughData(f"the lake holds no event of {job.tenant} that may be used")
    return found.interactions, found.until_ms


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--columns",
        action="store_true",
        help="read columns of the lake instead of folding each event: for tens of millions of them; makes no top lists of"
        " segments and countries",
    )


def _told(chosen: Chosen) -> str:
    """Which blend of neighbours was chosen, and why."""
    scheme, follows, alike = chosen.blend
    blend = f"neighbours: {scheme} of sessions, {follows:g} of what follows, {alike:g} of what is alike"
    if not chosen.mrr:
        return f"{blend}; by default, as {chosen.questions} held-out next items tell nothing"
    return (
        f"{blend}; foretells {chosen.questions:,} held-out next items at MRR@20 {chosen.mrr:.4f}"
        f" (cosine alone {chosen.cosine_mrr:.4f})"
    )


def _known_since(job: Job) -> dict[str, int]:
    """By item id, when it was first seen, as the live shelf tells; empty where there is none, or none that can be read."""
    name = job.name("shelf")
    number = job.durable.live(name).get(name)
    if number is None:
        return {}
    try:
        former = Shelf.from_files(job.durable.load_generation(name, number))
    except InvalidArtifact as error:
        job.say(f"the live shelf cannot be read, so all items are seen for the first time: {error}")
        return {}
    return dict(zip(former.ids, former.added_ms.tolist(), strict=True))


if __name__ == "__main__":
    sys.exit(main("build_affinities", build_affinities, add=_options))
