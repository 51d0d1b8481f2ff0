"""What is known of people, as rows: their precomputed lists, and the segments they are in. Only of those who allow it.

Who would have rows but does not allow it is counted in `left_out`, by the reason.
"""

from collections import Counter
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
NO_RECORD, NOT_ALLOWED = "no consent record", "the consent record does not allow personalization"
Row = dict[str, Any]
LeftOut = Counter[str]
"""People by reason."""


def exported_recommendations(durable: Durable, tenant: str, generation: int, left_out: LeftOut) -> Iterator[Row]:
    """The lists of a generation, best first within a person; people in no order."""
    for people, why_not in _pages(durable, tenant):
        lists = durable.load_lists(generation, list(people))
        for person in people:
            if person in why_not:
                left_out[why_not[person]] += person in lists
                continue
            for rank, (item_id, score) in enumerate(decode_list(lists.get(person)), 1):
                yield {"person": person, "rank": rank, "item_id": item_id, "score": score}


def exported_members(
    durable: Durable, tenant: str, catalogue: Catalogue, names: Collection[str], now_ms: int, left_out: LeftOut
) -> Iterator[Row]:
    """Who is in which of the segments of these names at `now_ms`, by segment's bit within a person; people in no order."""
    segments = sorted((segment.bit, segment.name) for segment in catalogue.segments if segment.name in names)
    for people, why_not in _pages(durable, tenant):
        for person, profile in people.items():
            mask = mask_of(profile, now_ms)
            held = [name for bit, name in segments if mask >> bit & 1]
            if person in why_not:
                left_out[why_not[person]] += bool(held)
                continue
            yield from ({"person": person, "segment": name} for name in held)


def _pages(durable: Durable, tenant: str) -> Iterator[tuple[dict[str, Profile], dict[str, str]]]:
    """The tenant's people, a few hundred at a time, and why nothing of some of them is told."""
    found = durable.scan_profiles(0, 1)
    while page := list(islice(found, AT_ONCE)):
        profiles = {person: decode_profile(stored.state) for person, stored in page}
        own = {person: profile for person, profile in profiles.items() if profile.tenant == tenant}
        consents = durable.load_consents(list(own)) if own else {}
        why_not = {person: NO_RECORD for person in own if person not in consents}
        why_not |= {p: NOT_ALLOWED for p, consent in consents.items() if not consent.allows(PERSONALIZATION)}
        yield own, why_not
