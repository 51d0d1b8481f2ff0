"""One worker's memory of people: loads them, folds their events, and knows what is not yet durable or not yet shown."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rayce.consent import Consent
from rayce.event import CONSENT_CHANGED, Event
from rayce.fold import fold
from rayce.profile import Profile, decode_profile, encode_profile
from rayce.segments.catalogue import Catalogue
from rayce.segments.evaluation import Scorers, evaluate
from rayce.segments.flags import pack_flags
from rayce.stores.interfaces import DurableProfiles, Save, Shown

Place = tuple[int, int]
"""Partition and offset."""


class Held(NamedTuple):
    """A person in memory: profile, partition and offset of the last event folded in, and the encoded profile."""

    profile: Profile
    partition: int
    offset: int
    state: bytes


class Folding:
    """Folds batches of events. Bounded: the least recently used people that are durable are forgotten first."""

    def __init__(
        self,
        durable: DurableProfiles,
        catalogue: Catalogue,
        models_of: Callable[[str], Scorers],
        max_people: int,
    ) -> None:
        self._durable = durable
        self._catalogue = catalogue
        self._models_of = models_of
        self._max_people = max_people
        self._people: dict[str, Held] = {}
        self.dirty: set[str] = set()
        self.flushing: set[str] = set()
        self.failed: list[tuple[Place, str]] = []
        """Events on which the fold itself broke, with the reason; the worker takes them from here to the dead letters."""

    def fold(self, events: Sequence[tuple[Place, Event]]) -> list[Shown]:
        """Fold the events in order; returns what readers shall see now. `Unavailable` before anything is folded.

        An event at or below the person's watermark is already in the state and is passed over.
        """
        self._load({event.person for _place, event in events})
        changed: dict[str, Consent | None] = {}
        for (partition, offset), event in events:
            held = self._people.pop(event.person)
            if held.partition != partition or held.offset < offset:
                profile = self._folded(held.profile, (partition, offset), event)
                if profile is not held.profile:
                    decided = Consent(event.consent, event.timestamp_ms) if event.type == CONSENT_CHANGED else None
                    changed[event.person] = decided or changed.get(event.person)
                    held = held._replace(profile=profile)
                held = held._replace(partition=partition, offset=offset)
            self._people[event.person] = held
        for person in changed:
            held = self._people[person]
            self._people[person] = held._replace(state=encode_profile(held.profile))
        self.dirty.update(changed)
        self._forget()
        return [self._shown(person, consent) for person, consent in changed.items()]

    def take_dirty(self) -> dict[int, list[Save]]:
        """By partition, what has to be made durable; counts as `flushing` until `flushed` is called."""
        saves: dict[int, list[Save]] = {}
        for person in self.dirty:
            held = self._people[person]
            saves.setdefault(held.partition, []).append(Save(person, held.state, held.offset))
        self.flushing, self.dirty = self.dirty, set()
        return saves

    def flushed(self) -> None:
        """What `take_dirty` gave is durable."""
        self.flushing = set()

    def shown(self, persons: Sequence[str]) -> list[Shown]:
        """What readers shall see of those who are in memory."""
        return [self._shown(person, None) for person in persons if person in self._people]

    def _shown(self, person: str, consent: Consent | None) -> Shown:
        held = self._people[person]
        if not held.profile.events:
            return Shown(person, None, None, consent)
        return Shown(person, held.state, pack_flags(held.profile), consent)

    def _folded(self, profile: Profile, place: Place, event: Event) -> Profile:
        try:
            after = fold(profile, event)
            if after is profile:
                return profile
            return evaluate(after, event, self._catalogue, self._models_of(event.tenant))
        except Exception as error:  # one event must not stop the stream: logged and counted as a dead letter
            self.failed.append((place, f"{type(error).__name__}: {error}"))
            return profile

    def _load(self, persons: set[str]) -> None:
        missing = persons - self._people.keys()
        if not missing:
            return
        found = self._durable.load_profiles(missing)
        for person in missing:
            stored = found.get(person)
            self._people[person] = (
                Held(decode_profile(stored.state), stored.partition, stored.offset, stored.state)
                if stored
                else Held(Profile(), -1, -1, b"")
            )

    def _forget(self) -> None:
        excess = len(self._people) - self._max_people
        if excess > 0:
            durable = (p for p in self._people if p not in self.dirty and p not in self.flushing)
            for person in [p for p, _ in zip(durable, range(excess), strict=False)]:
                del self._people[person]
