"""Many users in hot memory only, without HTTP: a profile of two events each, with its segments and consent."""

from collections.abc import Sequence

from msgspec.structs import replace

from benchmarks.bulk_users import persons_of
from benchmarks.shop_events import shop_events
from rayce.consent import PERSONALIZATION, Consent
from rayce.fold import fold
from rayce.profile import Profile, encode_profile
from rayce.segments.catalogue import load_catalogue
from rayce.segments.evaluation import evaluate
from rayce.segments.flags import pack_flags
from rayce.settings import Settings
from rayce.stores.interfaces import Shown
from rayce.stores.redis_view import RedisWriter


def show_users(settings: Settings, users: Sequence[str], now_ms: int) -> None:
    """As the stream would have shown them, and the edge their consent."""
    catalogue = load_catalogue(settings.segments.catalogue)
    rows, consents = [], {}
    for n, person in enumerate(persons_of(settings, users)):
        profile = Profile()
        for event in shop_events([n] * 2, "cold", now_ms - n % 60_000, 1_000, n):
            mine = replace(event, person=person)
            profile = evaluate(fold(profile, mine), mine, catalogue, {})
        rows.append(Shown(person, encode_profile(profile), pack_flags(profile)))
        consents[person] = Consent(PERSONALIZATION, now_ms)
    writer = RedisWriter(settings.redis)
    writer.put_back(rows, consents)
    writer.close()
