"""A small shop with a planted structure, and a job on stores in memory.

Forty people in half a year. Each has a habit: one product of the thirties in nearly every basket. Milk goes with cereals,
pens with paper, nails with screws: who buys one buys the other. Even numbers come every three days, odd ones every three weeks.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from jobs.job import Job
from rayce.batch_settings import BatchSettings
from rayce.consent import Consent
from rayce.decay import DAY_MS
from rayce.event import Event, Line, encode_event
from rayce.features.feature_set import ALL
from rayce.item import Item, encode_item
from rayce.segments.catalogue import load_catalogue
from rayce.settings import Settings
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot
from tests.samples import T0, event, person

BOTH = 3
"""Purposes of somebody who allows personalization and training."""
PEOPLE = range(1, 41)
DAYS = 180
PAIRS = {"milk": "cereals", "pens": "paper", "nails": "screws"}
ITEMS = [
    *(Item(name, name, ("shop", "pairs"), "own", 2.0) for pair in PAIRS.items() for name in pair),
    *(Item(f"p{n:02}", f"Product {n}", ("shop", f"group {n % 5}"), f"brand {n % 3}", 1.0 + n / 10) for n in range(40)),
]


def habit(who: int) -> str:
    """The product that this person buys nearly always."""
    return f"p{30 + who % 10:02}"


def history(seed: int = 1, people: Iterable[int] = PEOPLE, days: int = DAYS) -> list[Event]:
    """Everybody's baskets, people one after the other, each in order of time."""
    return list(chain.from_iterable(_baskets(np.random.default_rng((seed, who)), who, days) for who in people))


def records(events: Iterable[Event]) -> list[bytes]:
    """The events as the log has them."""
    return [encode_event(each) for each in events]


def make_job(
    log: Sequence[bytes],
    durable: MemoryDurable | None = None,
    hot: MemoryHot | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Job:
    """A job of the tenant `shop` on stores in memory."""
    return Job(
        tenant="shop",
        settings=Settings(batch=BatchSettings(work_path="")),
        durable=durable or filled(),
        open_hot=lambda: hot or MemoryHot(),
        records=lambda: log,
        catalogue=load_catalogue(),
        features=ALL,
        say=say,
    )


def filled() -> MemoryDurable:
    """Durable memory with the catalogue and everybody's consent."""
    durable = MemoryDurable()
    durable.save_items("shop", {item.item_id: encode_item(item) for item in ITEMS})
    for who in PEOPLE:
        durable.save_consent(person(who), Consent(BOTH, 1))
    return durable


def _baskets(rng: np.random.Generator, who: int, days: int) -> Iterator[Event]:
    at_ms = T0 + int(rng.integers(0, 3 * DAY_MS))
    while at_ms < T0 + days * DAY_MS:
        basket = {habit(who)} if rng.random() < 0.9 else set()
        basket |= {f"p{min(int(rng.exponential(6)), 29):02}" for _ in range(3)}
        if rng.random() < 0.3:
            basket |= set(list(PAIRS.items())[int(rng.integers(len(PAIRS)))])
        lines = tuple(Line(item, 1, 2.0) for item in sorted(basket))
        yield event("purchase", at=at_ms, who=who, lines=lines, consent=BOTH, event_id=f"basket-{who}-{at_ms}")
        at_ms += int((3 if who % 2 == 0 else 21) * DAY_MS * rng.uniform(0.7, 1.3))
