"""The cases of an evaluation: everybody who took something in the last weeks, as they were known before."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from rayce.event import Event
from rayce.past import Past
from rayce.profile import Profile
from rayce.ranking_examples import ASKED
from rayce.segments.flags import Flags

MAX_CASES = 5_000
"""Of more people a sample is taken, by the digest of their pseudonyms."""
COLD_ITEM = 5.0
"""An item that was bought less often than this before (recent purchases count fully, old ones less) is cold."""


class Case(NamedTuple):
    """One person: as known then, the segments they were in, and what they took afterwards; `cold` is what of it was cold."""

    person: str
    profile: Profile
    segments: frozenset[str]
    wanted: frozenset[str]
    cold: frozenset[str]

    @property
    def is_new(self) -> bool:
        """Whether they had never bought anything."""
        return not self.profile.baskets


def cases_of(past: Past, later: Iterable[Event], names: Mapping[int, str]) -> list[Case]:
    """The cases, by pseudonym; `names` are the segments by bit. What is not on the shelf is passed over."""
    taken: dict[str, set[str]] = {}
    for event in later:
        if event.type in ASKED:
            on_shelf = {line.item_id for line in event.items if line.item_id in past.shelf.number}
            if on_shelf:
                taken.setdefault(event.person, set()).update(on_shelf)
    chosen = sorted(taken) if len(taken) <= MAX_CASES else sorted(sorted(taken, key=_digest)[:MAX_CASES])
    return [_case(past, person, frozenset(taken[person]), names) for person in chosen]


def _case(past: Past, person: str, wanted: frozenset[str], names: Mapping[int, str]) -> Case:
    profile = past.people.get(person, Profile())
    bits = Flags(0, profile.flags, profile.short_lived).bits(past.at_ms)
    shelf = past.shelf
    cold = frozenset(item for item in wanted if shelf.popularity[shelf.number[item]] < COLD_ITEM)
    return Case(person, profile, frozenset(names[bit] for bit in bits if bit in names), wanted, cold)


def slices(cases: Sequence[Case], least: int) -> dict[str, list[int]]:
    """By name, the places of cases that are looked at together: everybody, new and known people, and each segment with enough
    of them: fewer than `least` would tell about persons.
    """
    found: dict[str, list[int]] = {"everybody": list(range(len(cases)))}
    for name, is_new in (("cold_users", True), ("known_users", False)):
        found[name] = [place for place, case in enumerate(cases) if case.is_new is is_new]
    for segment in sorted({name for case in cases for name in case.segments}):
        found[f"segment:{segment}"] = [place for place, case in enumerate(cases) if segment in case.segments]
    return {name: places for name, places in found.items() if len(places) >= least}


def _digest(person: str) -> bytes:
    return blake2b(person.encode(), digest_size=8).digest()
