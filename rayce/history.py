"""What a job may learn from: one tenant's permitted events in log order, and their replay through the fold.

A withdrawal that comes later in the log takes back everything before it. The log is the authority; who wants to be up to the
second asks the durable consent records as well (`without`).
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from rayce.consent import PERSONALIZATION
from rayce.errors import UndecodableEvent
from rayce.event import CONSENT_CHANGED, CONTROL, Event, decode_event
from rayce.features.feature_set import ALL, FeatureSet
from rayce.fold import fold
from rayce.profile import Profile
from rayce.segments.catalogue import Catalogue
from rayce.segments.evaluation import Scorers, evaluate

ERASED = "erased"


class History(Struct, frozen=True):
    """Permitted events, still encoded (a tenth of the memory), in log order; and what was passed over.

    `undecodable` and `unpermitted` count records; other tenants' and control events are in neither.
    """

    values: list[bytes]
    persons: frozenset[str] = frozenset()
    from_ms: int = 0
    until_ms: int = 0
    undecodable: int = 0
    unpermitted: int = 0

    def events(self) -> Iterator[Event]:
        """The events, decoded one by one."""
        return map(decode_event, self.values)

    def without(self, persons: Collection[str]) -> "History":
        """The same, these people left out."""
        if not self.persons.intersection(persons):
            return self
        kept = [value for value, event in zip(self.values, self.events(), strict=True) if event.person not in persons]
        unpermitted = self.unpermitted + len(self.values) - len(kept)
        return replace(self, values=kept, persons=self.persons.difference(persons), unpermitted=unpermitted)


class Moment(NamedTuple):
    """One event that counted: the person's profile before it and after it."""

    before: Profile
    event: Event
    after: Profile


def read_history(records: Iterable[bytes], tenant: str, purposes: int) -> History:
    """The tenant's events that may be used for all `purposes` (bits of `rayce.consent`).

    Both the moment of acceptance and what the log has told until its end must allow it, as in the fold.
    """
    known: dict[str, int] = {}
    valid_from: dict[str, int] = {}
    kept: list[tuple[str, int, bytes]] = []
    undecodable = unpermitted = 0
    for record in records:
        try:
            event = decode_event(record)
        except UndecodableEvent:
            undecodable += 1
            continue
        if event.tenant != tenant:
            continue
        if event.type in (CONSENT_CHANGED, ERASED):
            known[event.person] = event.consent if event.type == CONSENT_CHANGED else 0
            if known[event.person] & purposes != purposes:
                valid_from[event.person] = len(kept)
        elif event.type not in CONTROL:
            allowed = event.consent & known.get(event.person, event.consent)
            if allowed & PERSONALIZATION:
                known.setdefault(event.person, event.consent)
            if allowed & purposes == purposes:
                kept.append((event.person, event.timestamp_ms, record))
            else:
                unpermitted += 1
    chosen = [row for at, row in enumerate(kept) if at >= valid_from.get(row[0], 0)]
    moments = [at_ms for _person, at_ms, _record in chosen]
    return History(
        values=[record for _person, _at_ms, record in chosen],
        persons=frozenset(person for person, _at_ms, _record in chosen),
        from_ms=min(moments, default=0),
        until_ms=max(moments, default=0),
        undecodable=undecodable,
        unpermitted=unpermitted + len(kept) - len(chosen),
    )


def replay(
    events: Iterable[Event],
    people: dict[str, Profile],
    catalogue: Catalogue | None = None,
    models: Scorers | None = None,
    features: FeatureSet = ALL,
) -> Iterator[Moment]:
    """Folds the events into `people`, and yields a moment for each that counted: a repeated event does not.

    With a catalogue the segments are brought up to date as well, by the rules and those models that are there. `features`
    are those that the stream folds, so that live equals batch.
    """
    empty = Profile()
    for event in events:
        before = people.get(event.person, empty)
        after = fold(before, event, features)
        if after is before:
            continue
        if catalogue is not None:
            after = evaluate(after, event, catalogue, models or NO_MODELS)
        people[event.person] = after
        yield Moment(before, event, after)


def split(events: Iterable[Event], at_ms: int) -> tuple[list[Event], list[Event]]:
    """(events before the moment, the rest), each in log order; after a person's first later event all are later."""
    earlier: list[Event] = []
    later: list[Event] = []
    begun: set[str] = set()
    for event in events:
        if event.timestamp_ms >= at_ms:
            begun.add(event.person)
        (later if event.person in begun else earlier).append(event)
    return earlier, later


class _NoModels:
    """Nothing is trained yet."""

    def get(self, name: str) -> None:
        """Always None."""


NO_MODELS = _NoModels()
