"""A sample of people from durable memory: the first ones of a scan, which goes by a hash of the key and so is no selection."""

from collections.abc import Iterator
from itertools import islice

from rayce.consent import PERSONALIZATION
from rayce.errors import InvalidArtifact
from rayce.profile import Profile, decode_profile
from rayce.stores.interfaces import DurableProfiles


def sample_people(durable: DurableProfiles, most: int) -> list[Profile]:
    """At most so many profiles with events and consent; those that cannot be read are passed over. `Unavailable`."""
    return list(islice(_readable(durable), most))


def _readable(durable: DurableProfiles) -> Iterator[Profile]:
    for _person, stored in durable.scan_profiles(0, 1):
        try:
            profile = decode_profile(stored.state)
        except InvalidArtifact:
            continue
        if profile.events and profile.purposes & PERSONALIZATION:
            yield profile
