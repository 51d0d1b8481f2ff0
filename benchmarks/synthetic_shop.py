"""A shop of any size without a history: a shelf, a ranker, top lists, people with states and lists, written as jobs would.

People are in hot memory only (their durable profiles would take DynamoDB Local minutes): while it is up nobody asks further.
"""

import random
import time
from collections.abc import Sequence

import lightgbm
import numpy as np
from msgspec.structs import replace

from benchmarks.bulk_users import persons_of
from rayce import __version__
from rayce.consent import PERSONALIZATION, TRAINING, Consent
from rayce.decay import DAY_MS
from rayce.generations import generation_name
from rayce.item import Item
from rayce.model import Manifest, to_files
from rayce.precomputed import encode_list
from rayce.profile import Bought, Profile, Session, encode_profile
from rayce.ranking import RANKING_FEATURES
from rayce.segments.flags import pack_flags
from rayce.settings import Settings
from rayce.shelf import Popular, Shelf
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import Shown
from rayce.stores.redis_view import RedisWriter

NEIGHBOURS, LISTED, TREES, LEAVES, ROWS = 30, 100, 100, 31, 20_000
KINDS_OF_PEOPLE = 400
"""Distinct states; the people share them."""
AT_ONCE = 500
PATIENCE_MS = 30_000


def synthetic_items(count: int) -> list[Item]:
    """Items of 8 departments, 120 groups and 200 brands."""
    return [
        Item(f"p{n}", f"Product {n}", (f"d{n % 8}", f"g{n % 120}", f"c{n % 600}"), f"b{n % 200}", 1.0 + n % 97)
        for n in range(count)
    ]


def synthetic_shelf(count: int, seed: int = 1) -> Shelf:
    """Popularity falls as a power of the rank; everything has `NEIGHBOURS`."""
    chance = np.random.default_rng(seed)
    popularity = (1e4 / np.arange(1, count + 1) ** 0.8).astype(np.float32)
    neighbours = chance.integers(0, count, (count, NEIGHBOURS), dtype=np.int32)
    scores = -np.sort(-chance.random((count, NEIGHBOURS)).astype(np.float32), axis=1)
    return Shelf.from_items(synthetic_items(count), popularity, neighbours, scores)


def synthetic_ranker(seed: int = 2) -> dict[str, bytes]:
    """The most that the trainer grows, over all columns."""
    noise = np.random.default_rng(seed)
    rows = noise.gamma(1.0, 5.0, (ROWS, len(RANKING_FEATURES)))
    wanted = rows.sum(axis=1) + noise.normal(0, 20, ROWS)
    labels = (wanted > np.quantile(wanted, 0.8)).astype(int)
    parameters = {"objective": "lambdarank", "num_leaves": LEAVES, "num_threads": 1, "verbose": -1, "seed": seed}
    data = lightgbm.Dataset(rows, labels, group=[100] * (ROWS // 100))
    booster = lightgbm.train(parameters, data, num_boost_round=TREES)
    return to_files(booster, Manifest("ranker", RANKING_FEATURES, ROWS, 0, 0, {}, __version__))


def synthetic_profile(items: int, now_ms: int, chance: random.Random) -> Profile:
    """A shopper of some months: mostly few purchases, sometimes as many as are kept; a visit that goes on."""
    bought = {}
    for _ in range(min(160, int(chance.lognormvariate(3.0, 1.0)))):
        count, last_ms = chance.randrange(1, 6), now_ms - chance.randrange(2, 180) * DAY_MS
        bought[f"p{chance.randrange(items)}"] = Bought(count, last_ms - 40 * DAY_MS * (count - 1), last_ms, count * 0.7)
    touched = {
        f"p{chance.randrange(items)}": (now_ms - chance.randrange(1, 90) * 60_000, chance.uniform(0.5, 4))
        for _ in range(chance.randrange(3, 30))
    }
    seen = tuple(list(touched)[-10:])
    return Profile(
        tenant="demo",
        purposes=PERSONALIZATION,
        events=20 + 5 * len(bought),
        first_ms=now_ms - 200 * DAY_MS,
        last_ms=now_ms,
        counts={"view": 40, "click": 12, "add_to_cart": 8, "purchase": 5},
        baskets=max(1, len(bought) // 4),
        spend=9.5 * len(bought),
        first_purchase_ms=now_ms - 200 * DAY_MS,
        last_purchase_ms=now_ms - 2 * DAY_MS,
        interest=3.0,
        session=Session("s1", now_ms - 600_000, now_ms, len(seen), seen),
        cart={f"p{chance.randrange(items)}": (1, 2.5)},
        bought=bought,
        touched=touched,
        flags=chance.getrandbits(12),
        recent_ids=chance.randbytes(8 * 12),
    )


def synthetic_list(items: int, chance: random.Random) -> bytes:
    """A precomputed list."""
    return encode_list([(f"p{chance.randrange(items)}", 1.0 / (n + 1)) for n in range(LISTED)])


def patient_store(settings: Settings) -> DynamoStore:
    """Durable memory for filling, on a machine that may be busy with starting everything."""
    return DynamoStore(replace(settings.dynamodb, timeout_ms=PATIENCE_MS))


def publish_synthetic_shop(settings: Settings, tenant: str, items: int) -> int:
    """Shelf, ranker, top lists and an empty generation of people's lists live; its number."""
    store, shelf = patient_store(settings), synthetic_shelf(items)
    number = 0
    top = [(shelf.ids[n], float(shelf.popularity[n])) for n in shelf.popular[:100].tolist()]
    for kind, files in (
        ("shelf", shelf.to_files()),
        ("popular", Popular(top).to_files()),
        ("ranker", synthetic_ranker()),
        ("lists", {}),
    ):
        name = generation_name(tenant, kind)
        number = store.publish(name, files)
        store.make_live(name, number)
    return number


def show_people(settings: Settings, users: Sequence[str], items: int, lists: int, seed: int = 5) -> None:
    """Everybody with consent, state, flags and list in hot memory."""
    writer, chance, now_ms = RedisWriter(settings.redis), random.Random(seed), time.time_ns() // 1_000_000
    kinds = []
    for _ in range(KINDS_OF_PEOPLE):
        profile = synthetic_profile(items, now_ms, chance)
        kinds.append((encode_profile(profile), pack_flags(profile), synthetic_list(items, chance)))
    consent = Consent(PERSONALIZATION | TRAINING, now_ms - DAY_MS)
    everybody = list(zip(persons_of(settings, users), range(len(users)), strict=True))
    for at in range(0, len(everybody), AT_ONCE):
        batch = everybody[at : at + AT_ONCE]
        writer.put_back([], {person: consent for person, _n in batch})
        people = [(person, *kinds[n % KINDS_OF_PEOPLE]) for person, n in batch]
        writer.show([Shown(person, state, flags) for person, state, flags, _listed in people])
        writer.show_lists(lists, [(person, listed) for person, _state, _flags, listed in people], 86_400)
    writer.close()
