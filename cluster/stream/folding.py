"""One worker's memory of people: loads them, folds their events, and knows what is not yet durable or not yet shown."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from cluster.stream.reading import Record
from rayce.consent import Consent
from rayce.errors import InvalidArtifact
from rayce.event import CONSENT_CHANGED, SEGMENT_OVERRIDE, Event
from rayce.features.feature_set import ALL, FeatureSet
from rayce.fold import fold
from rayce.profile import Bits, Profile, decode_profile, encode_profile
from rayce.segments.catalogue import Catalogue
from rayce.segments.change import VERSION, Cause, SegmentChange, ShortLived, difference
from rayce.segments.evaluation import EvaluationCounts, Scorers, evaluate, override
from rayce.segments.flags import pack_flags
from rayce.stores.interfaces import DurableProfiles, Save, Shown


class Marks(NamedTuple):
    """In which segments a person is, as a tally counts it."""

    flags: Bits = 0
    short_lived: ShortLived = ()


NO_MARKS = Marks()
NO_DECISIONS: Mapping[str, Consent | None] = {}
NOT_TOLD = -1
"""Hot memory has to be told of its lists, whatever is in them."""


class Held:
    """A person in memory. Changed in place: it is touched for every event, and nobody else has it.

    The profile is kept encoded and is an object only while a batch is folded: many thousand objects at rest cost more in
    cache misses and garbage collection than decoding does (docs/decisions/0009).
    """

    __slots__ = ("counted", "listed", "marks", "offset", "partition", "profile", "state", "tenant")

    def __init__(self, profile: Profile, partition: int, offset: int, state: bytes) -> None:
        self.profile: Profile | None = profile
        self.state = state
        """The encoded profile; empty for somebody of whom nothing is known."""
        self.partition = partition
        self.offset = offset
        """Partition and offset of the last event folded in: the watermark."""
        self.tenant = profile.tenant
        self.marks = Marks(profile.flags, profile.short_lived) if state else NO_MARKS
        """In which segments the person is."""
        self.counted = self.marks
        """The same of the state that was last given away to be made durable: what the tally counts."""
        self.listed = NOT_TOLD
        """The segments with a membership list that hot memory was last told of."""

    def opened(self) -> Profile:
        """The profile as an object."""
        return decode_profile(self.state) if self.state else Profile()

    def keep(self, profile: Profile) -> None:
        """Keep a changed profile, encoded."""
        self.state, self.tenant = encode_profile(profile), profile.tenant
        if profile.flags != self.marks.flags or profile.short_lived != self.marks.short_lived:
            self.marks = Marks(profile.flags, profile.short_lived)


class Move(NamedTuple):
    """What a save changes in the tally."""

    tenant: str
    before: Marks
    after: Marks


class Due(NamedTuple):
    """What has to become durable of one partition: changes of membership are announced first, then profiles are saved."""

    changes: list[SegmentChange]
    saves: list[Save]
    moves: dict[str, Move]
    """By person; who is not in it has the same flags as before."""


class Folding:
    """Folds batches of events. Bounded: the least recently used people that are durable and shown are forgotten first."""

    def __init__(
        self,
        durable: DurableProfiles,
        catalogue_of: Callable[[], Catalogue],
        models_of: Callable[[str], Scorers],
        max_people: int,
        features: FeatureSet = ALL,
    ) -> None:
        self._durable = durable
        self._catalogue_of = catalogue_of
        self._models_of = models_of
        self._max_people = max_people
        self._features = features
        self._people: dict[str, Held] = {}
        self.counts = EvaluationCounts()
        self._changes: dict[int, list[SegmentChange]] = {}
        self.waiting_changes = 0
        """Changes of membership that nobody has taken yet."""
        self.dirty: set[str] = set()
        self.flushing: set[str] = set()
        self.pinned: Container[str] = ()
        """People who must not be forgotten for another reason: they wait for hot memory."""

    def fold(
        self,
        entries: Sequence[tuple[Record, Event]],
        fails: Callable[[Record, str], bool] = lambda record, reason: True,
    ) -> list[Shown]:
        """Fold the events in order; returns what readers shall see now. `Unavailable` before anything is folded.

        An event at or below the person's watermark is already in the state and is passed over; but its person is shown
        again, for the worker that folded it may have died before it could show them. `fails` is told of events
        that cannot be folded; where it says no, nothing more of that partition is folded.
        """
        self._catalogue = self._catalogue_of()
        unreadable, opened = self._load({event.person for _record, event in entries})
        people = self._people
        stopped: set[int] = set()
        changed: dict[str, Consent | None] = {}
        passed: dict[str, Consent | None] = {}
        for record, event in entries:
            partition, offset, person = record.partition, record.offset, event.person
            if stopped and partition in stopped:
                continue
            held = people.pop(person, None)
            if held is None:
                if not fails(record, unreadable[person]):
                    stopped.add(partition)
                continue
            people[person] = held
            if held.partition == partition and held.offset >= offset:
                passed[person] = _decided(event) or passed.get(person)
                continue
            before = held.profile
            if before is None:
                before = held.profile = held.opened()
                opened.append(held)
            try:
                profile = self._folded(before, event)
            except Exception as error:  # one event must not stop the stream: a dead letter, logged and counted
                if not fails(record, f"{type(error).__name__}: {error}"):
                    stopped.add(partition)
                    continue
                profile = before
            if profile is not before:
                if profile.flags != before.flags or profile.short_lived != before.short_lived:
                    self._note(before, profile, record, event)
                held.profile = profile
                decided = _decided(event)
                if decided is not None or not profile.events:  # the edge may have taken the person out of all lists
                    held.listed = NOT_TOLD
                changed[person] = decided or changed.get(person)
            held.partition, held.offset = partition, offset
        rows = self._close(changed, opened)
        self.dirty.update(changed)
        self._forget_some()
        return rows + self.shown([person for person in passed if person not in changed], passed)

    def _close(self, changed: Mapping[str, Consent | None], opened: Sequence[Held]) -> list[Shown]:
        """Encode those who have changed; what readers shall see of them."""
        people, rows = self._people, []
        for person, consent in changed.items():
            held = people[person]
            profile = held.profile
            assert profile is not None, "opened when its event was folded"
            held.keep(profile)
            rows.append(self._row(person, held, profile, consent))
        for held in opened:
            held.profile = None
        return rows

    def take_dirty(self) -> dict[int, Due]:
        """By partition, what has to be made durable; counts as `flushing` until `flushed` is called."""
        dues: dict[int, Due] = {number: Due(changes, [], {}) for number, changes in self._changes.items()}
        self._changes, self.waiting_changes = {}, 0
        for person in self.dirty:
            held = self._people[person]
            due = dues.get(held.partition)
            if due is None:
                due = dues[held.partition] = Due([], [], {})
            due.saves.append(Save(person, held.state, held.offset))
            if held.marks != held.counted:
                due.moves[person] = Move(held.tenant, held.counted, held.marks)
                held.counted = held.marks
        self.flushing, self.dirty = self.dirty, set()
        return dues

    def flushed(self) -> None:
        """What `take_dirty` gave is durable, or of a partition that is not ours any more."""
        self.flushing = set()

    def leave(self, partition: int) -> set[str]:
        """Forget the people of a partition without more ado; who they were."""
        left = {person for person, held in self._people.items() if held.partition == partition}
        for person in left:
            del self._people[person]
        self.dirty -= left
        self.waiting_changes -= len(self._changes.pop(partition, ()))
        return left

    def shown(self, persons: Iterable[str], decided: Mapping[str, Consent | None] = NO_DECISIONS) -> list[Shown]:
        """What readers shall see of those who are in memory; with decisions that came through the log."""
        people, rows = self._people, []
        for person in persons:
            held = people.get(person)
            if held is not None:
                held.listed = NOT_TOLD
                rows.append(self._row(person, held, held.opened(), decided.get(person)))
        return rows

    def shown_again(self, persons: Iterable[str]) -> list[Shown]:
        """`shown` after hot memory has lost something: what it was told of lists, of anybody, counts no more."""
        for held in self._people.values():
            held.listed = NOT_TOLD
        return self.shown(persons)

    def latest_expiry_s(self, person: str) -> int:
        """When the last short-lived flag of somebody in memory ends, in force or not; 0 where there is none."""
        held = self._people.get(person)
        return max((until for _bit, until in held.marks.short_lived), default=0) if held is not None else 0

    def packed(self, person: str) -> bytes | None:
        """The flags that readers see of somebody in memory."""
        held = self._people.get(person)
        profile = held.opened() if held is not None else None
        return pack_flags(profile) if profile is not None and profile.events else None

    def _row(self, person: str, held: Held, profile: Profile, consent: Consent | None) -> Shown:
        """Lists are told of only where the person's membership of one has changed since."""
        catalogue, listing = self._catalogue, None
        if catalogue.listed_mask:
            listed = profile.flags & catalogue.listed_mask if profile.events else 0
            if listed != held.listed:
                held.listed, listing = listed, catalogue.listing(profile.tenant)
        if not profile.events:
            return Shown(person, None, None, consent, listing)
        return Shown(person, held.state, pack_flags(profile), consent, listing)

    def _folded(self, profile: Profile, event: Event) -> Profile:
        after = fold(profile, event, self._features)
        if after is profile:
            return override(profile, event, self._catalogue, self.counts) if event.type == SEGMENT_OVERRIDE else profile
        return evaluate(after, event, self._catalogue, self._models_of(event.tenant), self.counts)

    def _note(self, before: Profile, after: Profile, record: Record, event: Event) -> None:
        """Keep a change of membership until it is announced."""
        entered, left = difference(before, after, event.timestamp_ms, self._catalogue.names)
        if not entered and not left:
            return
        cause = Cause(event.event_id, event.type, record.partition, record.offset, event.timestamp_ms)
        version, flags = self._catalogue.version, (f"{before.flags:x}", f"{after.flags:x}")
        change = SegmentChange(VERSION, event.person, event.tenant, version, cause, *flags, entered, left)
        self._changes.setdefault(record.partition, []).append(change)
        self.waiting_changes += 1

    def _load(self, persons: set[str]) -> tuple[dict[str, str], list[Held]]:
        """Have all in memory but those whose stored state cannot be read: why, by person; and who is open for now."""
        missing = persons - self._people.keys()
        unreadable: dict[str, str] = {}
        opened: list[Held] = []
        found = self._durable.load_profiles(missing) if missing else {}
        for person in missing:
            stored = found.get(person)
            try:
                if stored is None:
                    held = Held(Profile(), -1, -1, b"")
                else:
                    held = Held(decode_profile(stored.state), stored.partition, stored.offset, stored.state)
            except InvalidArtifact as error:
                unreadable[person] = f"stored profile: {error}"
                continue
            self._people[person] = held
            opened.append(held)
        return unreadable, opened

    def _forget_some(self) -> None:
        excess = len(self._people) - self._max_people
        if excess > 0:
            dirty, flushing, pinned = self.dirty, self.flushing, self.pinned
            durable = (p for p in self._people if p not in dirty and p not in flushing and p not in pinned)
            for person in [p for p, _ in zip(durable, range(excess), strict=False)]:
                del self._people[person]


def _decided(event: Event) -> Consent | None:
    return Consent(event.consent, event.timestamp_ms) if event.type == CONSENT_CHANGED else None
