"""Users in bulk, without HTTP: profiles folded from a few events, with their segments, made durable through the library."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from msgspec.structs import replace

from benchmarks.shop_events import TENANT, shop_events
from rayce.consent import PERSONALIZATION, Consent
from rayce.fold import fold
from rayce.profile import Profile, encode_profile
from rayce.pseudonym import Pseudonymizer
from rayce.segment_models import load_segment_models
from rayce.segments.catalogue import load_catalogue
from rayce.segments.evaluation import evaluate
from rayce.settings import Settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import Save

PARTITION = 1_000_000
"""A lease of our own: to acquire one of a worker's would fence the worker."""
EVENTS_EACH, STEP_MS = 6, 20_000
THREADS = 4


def persons_of(settings: Settings, users: Sequence[str]) -> list[str]:
    """The users' pseudonyms."""
    pseudonymizer = Pseudonymizer(settings.privacy.current_key, settings.privacy.pseudonym_keys)
    return [pseudonymizer.person(TENANT, user) for user in users]


def save_users(settings: Settings, users: Sequence[str], now_ms: int) -> None:
    """Everybody has consented an hour before `now_ms` and has done a few things since."""
    store = DynamoStore(settings.dynamodb)
    catalogue = load_catalogue(settings.segments.catalogue)
    models = load_segment_models(store, TENANT)
    started_ms = now_ms - 3_600_000
    persons = persons_of(settings, users)
    with ThreadPoolExecutor(THREADS) as executor:
        list(executor.map(lambda person: store.save_consent(person, Consent(PERSONALIZATION, started_ms)), persons))
    saves = []
    for n, person in enumerate(persons):
        profile = Profile()
        for event in shop_events([n] * EVENTS_EACH, "bulk", started_ms + n % 60_000, STEP_MS, n):
            mine = replace(event, person=person)
            profile = evaluate(fold(profile, mine), mine, catalogue, models)
        saves.append(Save(person, encode_profile(profile), n))
    store.save_profiles(PARTITION, store.acquire(PARTITION).epoch, saves)
