"""Precomputes everybody's list as generation `<tenant>/lists`, in DynamoDB and Redis.

Run under Ray (`ray job submit` sets RAY_ADDRESS) and with many people, blocks of people are shared out as tasks.
"""

import os
import sys
from collections.abc import Iterator
from itertools import islice

import ray

from jobs.job import Job, Outcome, main
from rayce.consent import PERSONALIZATION
from rayce.errors import NotEnoughData
from rayce.history import replay
from rayce.list_publication import ListsManifest, store_lists
from rayce.personal_lists import encoded_lists
from rayce.profile import Profile
from rayce.publication import go_live
from rayce.shelf import Shelf

SHARED_OUT_FROM = 20_000
"""People; fewer are done sooner than Ray's workers have loaded the shelf."""
BLOCK = 2_000
UNDER_WAY = 16

Lists = Iterator[tuple[str, bytes]]


def build_recommendations(job: Job) -> Outcome:
    """Precompute a list for everybody who allows personalization."""
    shelf_name = job.name("shelf")
    shelf_number = job.durable.live(shelf_name).get(shelf_name)
    if shelf_number is None:
        raise NotEnoughData(f"there is no live generation of {shelf_name}: run jobs.build_affinities first")
    shelf = Shelf.from_files(job.durable.load_generation(shelf_name, shelf_number))
    history = job.history(PERSONALIZATION)
    people: dict[str, Profile] = {}
    for _moment in job.counted(replay(history.events(), people, features=job.features), "events folded"):
        pass
    name = job.name("lists")
    number = job.durable.publish(name, ListsManifest(len(people), shelf_number, history.until_ms).to_files())
    lists = job.counted(_lists(shelf, people, history.until_ms), "lists made")
    stored = store_lists(job.durable, job.open_hot(), number, lists, job.settings.redis.profile_ttl_s)
    if stored.hot_away:
        job.say(f"hot memory did not take all lists, readers will fetch them: {stored.hot_away}")
    go_live(job.durable, name, number)
    return Outcome({name: number}, {"lists": float(stored.lists), "hot": float(stored.hot)})


def _lists(shelf: Shelf, people: dict[str, Profile], now_ms: int) -> Lists:
    if len(people) < SHARED_OUT_FROM or "RAY_ADDRESS" not in os.environ:
        return encoded_lists(shelf, people.items(), now_ms)
    return _shared_out(shelf, people, now_ms)


def _shared_out(shelf: Shelf, people: dict[str, Profile], now_ms: int) -> Lists:
    """The same lists in the same order, made by tasks; a bounded number of blocks is under way."""
    ray.init(ignore_reinit_error=True)
    on_shelf, task = ray.put(shelf), ray.remote(_block)
    entries = iter(people.items())
    waiting = []
    while block := list(islice(entries, BLOCK)):
        waiting.append(task.remote(on_shelf, block, now_ms))
        if len(waiting) >= UNDER_WAY:
            yield from ray.get(waiting.pop(0))
    for blocks in waiting:
        yield from ray.get(blocks)


def _block(shelf: Shelf, people: list[tuple[str, Profile]], now_ms: int) -> list[tuple[str, bytes]]:
    return list(encoded_lists(shelf, people, now_ms))


if __name__ == "__main__":
    sys.exit(main("build_recommendations", build_recommendations))
