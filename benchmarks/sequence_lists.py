"""The jobs that make everybody's lists, run on sequences as on a shop's log: for `benchmarks.sequence --lists`.

A shop of films: somebody's last step was a day ago, each one before it a week earlier; all is in one log, with permission, and
nothing is listed for who has it. Stores are in memory; everything else is as it runs in a shop.
"""

from collections.abc import Callable, Iterator

import numpy as np
from msgspec.structs import replace

from jobs.build_affinities import build_affinities
from jobs.build_recommendations import build_recommendations
from jobs.job import Job, run
from rayce.batch_settings import BatchSettings
from rayce.consent import PERSONALIZATION, TRAINING, Consent
from rayce.decay import DAY_MS
from rayce.event import VERSION, Event, Line, encode_event
from rayce.features.feature_set import ALL
from rayce.item import Item, encode_item
from rayce.lists.settings import NEVER_AGAIN, ListSettings
from rayce.precomputed import decode_list
from rayce.segments.catalogue import load_catalogue
from rayce.sequence.sequences import Sequences
from rayce.settings import Settings
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot

NOW_MS, STEP_MS = 1_760_000_000_000, 7 * DAY_MS
TENANT = "films"
BOTH = PERSONALIZATION | TRAINING


def listed(known: Sequences, n_items: int, sequence_items: int, say: Callable[[str], None]) -> list[list[int]]:
    """By user, what the jobs list for them who know these histories."""
    durable = MemoryDurable()
    durable.save_items(TENANT, {item(n): encode_item(Item(item(n))) for n in range(n_items)})
    for user in range(known.users):
        durable.save_consent(person(user), Consent(BOTH, 1))
    records = [encode_event(each) for each in events(known)]
    lists = ListSettings(again_days=NEVER_AGAIN, sequence_items=sequence_items)
    job = Job(
        tenant=TENANT,
        settings=replace(Settings(batch=BatchSettings(work_path="")), lists=lists),
        durable=durable,
        open_hot=MemoryHot,
        records=lambda: records,
        catalogue=load_catalogue(),
        features=ALL,
        say=say,
    )
    for name, work in (("build_affinities", build_affinities), ("build_recommendations", build_recommendations)):
        if run(name, work, job) != 0:
            raise RuntimeError(f"{name} has failed")
    found = durable.load_lists(durable.live()[f"{TENANT}/lists"], [person(user) for user in range(known.users)])
    return [
        [int(name[1:]) for name, _score in decode_list(found[person(user)])] if person(user) in found else []
        for user in range(known.users)
    ]


def events(known: Sequences) -> Iterator[Event]:
    """Everybody's purchases in order of time."""
    user = np.repeat(np.arange(known.users), known.lengths())
    back = known.starts[1:][user] - 1 - np.arange(len(user))
    for row in np.argsort(-back, kind="stable").tolist():
        at_ms = NOW_MS - DAY_MS - int(back[row]) * STEP_MS + int(user[row])
        yield Event(
            version=VERSION,
            event_id=f"{user[row]}-{back[row]}",
            type="purchase",
            tenant=TENANT,
            person=person(int(user[row])),
            timestamp_ms=at_ms,
            items=(Line(item(int(known.items[row])), 1, 1.0),),
            consent=BOTH,
        )


def item(number: int) -> str:
    """Its id: in the order of the numbers."""
    return f"i{number:06}"


def person(user: int) -> str:
    """A pseudonym."""
    return f"k1:{user:032x}"
