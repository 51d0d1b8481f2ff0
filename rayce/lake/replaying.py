"""Whether a replay from the lake gives the features that live memory has, to the bit.

Segments are left out of the comparison: what was in a segment when depends on the catalogue and the models of that time.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from msgspec.structs import replace

from rayce.errors import UndecodableEvent
from rayce.event import Event, decode_event
from rayce.features.feature_set import FeatureSet
from rayce.fold import fold
from rayce.lake.columns import OFFSET
from rayce.lake.reading import Lake
from rayce.lake.table import quoted
from rayce.profile import Profile, decode_profile, encode_profile
from rayce.stores.interfaces import DurableProfiles, StoredProfile

SEGMENTS = 64
"""Parts in which live memory is looked through for people to compare."""
AT_ONCE = 500


class Compared(NamedTuple):
    """People whose features are the same, who are not, and who are known live up to what the lake has not reached yet."""

    same: int
    different: list[str]
    behind: list[str]


def sample_people(durable: DurableProfiles, people: int) -> dict[str, StoredProfile]:
    """So many profiles, as last saved; pseudonyms are digests, so the first ones are as good as any."""
    scanned = (row for segment in range(SEGMENTS) for row in durable.scan_profiles(segment, SEGMENTS))
    return dict(islice(scanned, people))


def compare(lake: Lake, stored: Mapping[str, StoredProfile], features: FeatureSet) -> Compared:
    """Replay each of these people from the lake up to the watermark of the profile, and look at both."""
    positions, same = lake.positions(), 0
    different, behind = list[str](), list[str]()
    names = sorted(stored)
    for at in range(0, len(names), AT_ONCE):
        batch = names[at : at + AT_ONCE]
        events = _events(lake, batch)
        for person in batch:
            profile = stored[person]
            if positions.get(profile.partition, 0) <= profile.offset:
                behind.append(person)
            elif features_of(decode_profile(profile.state)) == _replayed(events.get(person, []), profile, features):
                same += 1
            else:
                different.append(person)
    return Compared(same, different, behind)


def features_of(profile: Profile) -> bytes:
    """The state without what the segments have left in it."""
    return encode_profile(replace(profile, flags=0, short_lived=(), scores={}, inputs={}))


_Placed = tuple[int, int, bytes]
"""Partition, offset, record."""


def _events(lake: Lake, persons: Collection[str]) -> dict[str, list[_Placed]]:
    """Everything the lake has of these people, in the log's order."""
    found: dict[str, list[_Placed]] = {}
    where = f"person IN ({', '.join(map(quoted, persons))})"
    for batch in lake.where(["person", "partition", OFFSET, "record"], where):
        for person, *placed in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            found.setdefault(person, []).append((placed[0], placed[1], placed[2]))
    return {person: sorted(rows, key=lambda row: row[:2]) for person, rows in found.items()}


def _replayed(rows: list[_Placed], live: StoredProfile, features: FeatureSet) -> bytes:
    profile = Profile()
    for partition, offset, record in rows:
        if partition == live.partition and offset <= live.offset:
            for event in _decoded(record):
                profile = _folded(profile, event, features)
    return features_of(profile)


def _folded(profile: Profile, event: Event, features: FeatureSet) -> Profile:
    try:
        return fold(profile, event, features)
    except Exception:  # as in the stream: there it is a dead letter, and the profile stays
        return profile


def _decoded(record: bytes) -> Iterator[Event]:
    try:
        yield decode_event(record)
    except UndecodableEvent:
        return
