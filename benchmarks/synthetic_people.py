"""A few hundred people in both memories: some with a list and some without, all in a segment with a top list of its own."""

import random
from concurrent.futures import ThreadPoolExecutor

from msgspec.structs import replace

from benchmarks.bulk_users import PARTITION, persons_of
from benchmarks.synthetic_shop import NEIGHBOURS, patient_store, synthetic_list, synthetic_profile
from rayce.consent import PERSONALIZATION, TRAINING, Consent
from rayce.generations import generation_name
from rayce.profile import encode_profile
from rayce.segments.catalogue import load_catalogue
from rayce.segments.flags import pack_flags
from rayce.settings import Settings
from rayce.shelf import Popular
from rayce.stores.interfaces import Save, Shown
from rayce.stores.redis_view import RedisWriter

KNOWN, NEW = 200, 8_000
"""Who comes again and again; who comes once (every other one of them without a list)."""


def durable_people(settings: Settings, tenant: str, items: int, now_ms: int) -> dict[str, list[str]]:
    """`known` and `new`, by user id; top lists with one of their segment are published."""
    store, writer, chance = patient_store(settings), RedisWriter(settings.redis), random.Random(4)
    segment = load_catalogue(settings.segments.catalogue).segments[0]
    top = [(f"p{n}", 1.0) for n in range(3 * NEIGHBOURS)]
    name = generation_name(tenant, "popular")
    store.make_live(name, store.publish(name, Popular(top, {segment.name: top[::-1]}).to_files()))
    lists = store.live()[generation_name(tenant, "lists")]
    people = {"known": [f"known-{n}" for n in range(KNOWN)], "new": [f"new-{n}" for n in range(NEW)]}
    users = [*people["known"], *people["new"]]
    consent = Consent(PERSONALIZATION | TRAINING, now_ms - 60_000)
    saves, shown, listed = [], [], []
    for n, person in enumerate(persons_of(settings, users)):
        profile = replace(synthetic_profile(items, now_ms, chance), tenant=tenant, flags=1 << segment.bit)
        state = encode_profile(profile)
        saves.append(Save(person, state, n))
        shown.append(Shown(person, state, pack_flags(profile)))
        if n % 2 == 0:
            listed.append((person, synthetic_list(items, chance)))
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(lambda row: store.save_consent(row.person, consent), shown))
    store.save_profiles(PARTITION, store.acquire(PARTITION).epoch, saves)
    store.save_lists(lists, listed)
    for at in range(0, len(shown), 500):
        rows = shown[at : at + 500]
        writer.put_back([], {row.person: consent for row in rows})
        writer.show(rows)
    writer.show_lists(lists, listed, 86_400)
    writer.close()
    return people
