"""What is known of people, as rows: their precomputed lists, and the segments they are in. Only of those who allow it."""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any

from rayce.consent import PERSONALIZATION
from rayce.precomputed import decode_list
from rayce.profile import Profile, decode_profile
from rayce.segments.catalogue import Catalogue
from rayce.segments.flags import mask_of
from rayce.stores.interfaces import Durable

AT_ONCE = 500
Row = dict[str, Any]


def exported_recommendations(durable: Durable, tenant: str, generation: int) -> Iterator[Row]:
    """The lists of a generation, best first within a person; people in no order."""
    for people in _pages(durable, tenant):
        lists = durable.load_lists(generation, list(people))
        for person in people:
            for rank, (item_id, score) in enumerate(decode_list(lists.get(person)), 1):
                yield {"person": person, "rank": rank, "item_id": item_id, "score": score}


def exported_members(
    durable: Durable, tenant: str, catalogue: Catalogue, names: Collection[str], now_ms: int
) -> Iterator[Row]:
    """Who is in which of the segments of these names at `now_ms`, by segment's bit within a person; people in no order."""
    segments = sorted((segment.bit, segment.name) for segment in catalogue.segments if segment.name in names)
    for people in _pages(durable, tenant):
        for person, profile in people.items():
            mask = mask_of(profile, now_ms)
            yield from ({"person": person, "segment": name} for bit, name in segments if mask >> bit & 1)


def _pages(durable: Durable, tenant: str) -> Iterator[dict[str, Profile]]:
    """The tenant's people who allow personalization, a few hundred at a time."""
    found = durable.scan_profiles(0, 1)
    while page := list(islice(found, AT_ONCE)):
        profiles = {person: decode_profile(stored.state) for person, stored in page}
        own = {person: profile for person, profile in profiles.items() if profile.tenant == tenant}
        consents = durable.load_consents(list(own)) if own else {}
        yield {p: own[p] for p in own if p in consents and consents[p].allows(PERSONALIZATION)}
