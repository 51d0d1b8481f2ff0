"""The fold: profile × event → profile. Pure, event time only; replaying the log gives the same bytes.

Late events count by their own time and never reopen a session. The same event id within a day counts once. A withdrawal or an
erasure forgets everything but itself. What an event changes is written by the families of features (`rayce.features`).
"""

from msgspec.structs import replace

from rayce.consent import PERSONALIZATION
from rayce.event import CONSENT_CHANGED, CONTROL, ERASED, Event
from rayce.features.feature_set import ALL, FeatureSet
from rayce.profile import Profile
from rayce.recent_ids import count_in, counted, digest_of_id


def fold(profile: Profile, event: Event, features: FeatureSet = ALL) -> Profile:
    """The profile after the event; the same object where the event changes nothing (repeated, or not permitted)."""
    writers = features.writers.get(event.type)
    if writers is None:
        return _control(profile, event)
    digest = digest_of_id(event.event_id)
    if not _permitted(profile, event) or counted(profile.recent_ids, digest):
        return profile
    after: Profile = profile.__copy__()  # type: ignore[attr-defined]  # what copy.copy calls, without its half microsecond
    after.tenant = event.tenant
    after.purposes = profile.purposes or event.consent
    after.states = dict(profile.states)
    for write in writers:
        write(after, event)
    after.recent_ids = count_in(profile.recent_ids, digest, after.last_ms)
    return after


def _control(profile: Profile, event: Event) -> Profile:
    assert event.type in CONTROL
    if event.type == ERASED:
        return Profile(tenant=event.tenant)
    if event.type != CONSENT_CHANGED:
        return profile
    if event.consent & PERSONALIZATION:
        return replace(profile, tenant=event.tenant, purposes=event.consent)
    return Profile(tenant=event.tenant)


def _permitted(profile: Profile, event: Event) -> bool:
    """Both the moment of acceptance and what the log has told since must allow it."""
    known = profile.purposes or (event.consent if profile.tenant == "" else 0)
    return bool(event.consent & known & PERSONALIZATION)
