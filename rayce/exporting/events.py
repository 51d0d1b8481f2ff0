"""Events of the log as rows, without what people have taken back: folding them gives the same state as folding the log.

Two passes over the same records. The first finds where each person's last withdrawal or erasure stands; the second leaves out
what came before it, as the fold would forget it there. Whose consent record denies now is left out as well.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from rayce.consent import PERSONALIZATION, Consent
from rayce.errors import UndecodableEvent
from rayce.event import CONSENT_CHANGED, CONTROL, ERASED, Event, decode_event
from rayce.exported_event import exported
from rayce.stores.interfaces import Record

AT_ONCE = 5_000

Records = Callable[[], Iterable[Record]]
"""The same records at each call, in order of offset within each partition."""
LoadConsents = Callable[[Collection[str]], Mapping[str, Consent]]


class Wanted(NamedTuple):
    """Which events: of a tenant, from a moment to before another one, of some types (none named: of all)."""

    tenant: str
    from_ms: int = 0
    until_ms: int = 1 << 62
    types: frozenset[str] = frozenset()

    def wants(self, event: Event) -> bool:
        """Whether it is one of them."""
        is_in = self.from_ms <= event.timestamp_ms < self.until_ms
        return is_in and (not self.types or event.type in self.types)


def exported_events(records: Records, wanted: Wanted, load_consents: LoadConsents) -> Iterator[dict[str, Any]]:
    """The rows, in order of the records."""
    forgotten = _forgotten(records(), wanted.tenant)
    kept = (
        (record, event)
        for record, event in _decoded(records(), wanted.tenant)
        if wanted.wants(event) and not _is_forgotten(record, event, forgotten)
    )
    while some := list(islice(kept, AT_ONCE)):
        persons = dict.fromkeys(event.person for _record, event in some)
        consents = load_consents(list(persons))
        denied = {person for person, consent in consents.items() if not consent.allows(PERSONALIZATION)}
        for record, event in some:
            if event.type in CONTROL or event.person not in denied:
                yield exported(event, record.partition, record.offset)


def _decoded(records: Iterable[Record], tenant: str) -> Iterator[tuple[Record, Event]]:
    for record in records:
        try:
            event = decode_event(record.value)
        except UndecodableEvent:
            continue  # nobody's
        if event.tenant == tenant:
            yield record, event


def _forgotten(records: Iterable[Record], tenant: str) -> dict[str, tuple[int, int]]:
    """By person, partition and offset of the last event that takes everything before it back."""
    found: dict[str, tuple[int, int]] = {}
    for record, event in _decoded(records, tenant):
        allows = event.type == CONSENT_CHANGED and event.consent & PERSONALIZATION
        if event.type in (CONSENT_CHANGED, ERASED) and not allows:
            found[event.person] = (record.partition, record.offset)
    return found


def _is_forgotten(record: Record, event: Event, forgotten: Mapping[str, tuple[int, int]]) -> bool:
    partition, offset = forgotten.get(event.person, (-1, -1))
    return partition == record.partition and record.offset < offset
