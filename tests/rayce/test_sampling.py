"""Samples: only people who may be looked at, and no more than asked for."""

from rayce.profile import Profile, encode_profile
from rayce.sampling import sample_people
from rayce.stores.interfaces import Save
from rayce.stores.memory import MemoryDurable
from tests.samples import event, folded, person


def test_a_sample_holds_people_with_events_and_consent_and_no_more_than_asked_for() -> None:
    durable = MemoryDurable()
    epoch = durable.acquire(0).epoch
    known = [Save(person(n), encode_profile(folded(event("view", who=n))), n) for n in range(5)]
    others = [
        Save(person(10), encode_profile(Profile(tenant="shop")), 10),
        Save(person(11), encode_profile(Profile(tenant="shop", events=3)), 11),
        Save(person(12), b"of a newer version", 12),
    ]
    durable.save_profiles(0, epoch, [*others, *known])
    assert len(sample_people(durable, 3)) == 3
    assert [profile.events for profile in sample_people(durable, 100)] == [1] * 5
