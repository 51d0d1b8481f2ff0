"""Builds `<tenant>/shelf` (items, what goes with what, sessions, popularity) and `<tenant>/popular` (top lists, trends)."""

import sys

from jobs.job import Job, Outcome, main
from rayce.affinities import build_popular, build_shelf, check_popular, check_shelf, with_living
from rayce.consent import PERSONALIZATION, TRAINING
from rayce.errors import InvalidArtifact
from rayce.history import replay
from rayce.interactions import gather
from rayce.publication import go_live, write_generation
from rayce.segment_models import load_segment_models
from rayce.shelf import Shelf
from rayce.trending import build_trends


def build_affinities(job: Job) -> Outcome:
    """Find out what goes with what, and what is popular with whom."""
    items = job.items()
    history = job.history(PERSONALIZATION | TRAINING)
    models = load_segment_models(job.durable, job.tenant, job.features)
    job.say(f"segments by rules and {len(models)} live models")
    moments = job.counted(replay(history.events(), {}, job.catalogue, models, job.features), "events folded")
    interactions = gather(moments, {item.item_id: n for n, item in enumerate(items)})
    purchases = interactions.purchases()
    shelf = build_shelf(items, interactions, history.until_ms, _known_since(job))
    trends = build_trends(interactions, shelf.available, job.catalogue.names, history.until_ms)
    shelf = with_living(shelf, interactions, trends)
    popular = build_popular(shelf, purchases, job.catalogue.names, history.until_ms, trends)
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
    }
    return Outcome(generations, {name: float(value) for name, value in metrics.items()})


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
    sys.exit(main("build_affinities", build_affinities))
