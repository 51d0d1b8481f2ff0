"""The edge's own path for rows of a file: validated, pseudonymous, allow-listed, and only with consent.

The decision that a person has made counts more than what a file says: of purposes that a file declares those hold which the
consent record allows; where there is no record they hold as declared, and where neither says anything nothing is kept.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from rayce.consent import PERSONALIZATION, Consent
from rayce.context import permitted
from rayce.errors import InvalidInput, UndecodableEvent
from rayce.event import CONSENT_CHANGED, CONTROL, ERASED, Event
from rayce.exported_event import ExportedEvent, imported
from rayce.importing.event_row import EventRow, Refused
from rayce.importing.identity import digest_of_event, id_of_content, id_of_position
from rayce.importing.raw_row import Problem
from rayce.ingest import Row, Stamper, read_rows
from rayce.item_words import NO_WORDS, ItemWords
from rayce.pseudonym import Pseudonymizer
from rayce.refusals import UNREADABLE, excerpt, row_error

LoadConsents = Callable[[Collection[str]], Mapping[str, Consent]]
"""The consent records of those who have one."""

_UNSPEAKABLE = (TypeError, ValueError, OverflowError, RecursionError, NotImplementedError)
"""What the JSON encoder raises for values that JSON cannot say."""
_TO_COME = "made-from-the-whole-event"
"""Stands for an id that the file does not bring."""
_PRIVATE = ("1", 1, True, "true")
_encode = msgspec.json.Encoder().encode


class Taken(NamedTuple):
    """An event that may be written, the rows it stands in, and what it is known by (`digest_of_event`)."""

    first: int
    last: int
    event: Event
    digest: int


class Recorded(NamedTuple):
    """An event of another log, and its place there."""

    event: Event
    place: str


class Batch(NamedTuple):
    """What became of some rows; `without_consent` are the rows of events that nobody has allowed to keep.

    `decisions` are consent records that the rows bring: to be made durable before the events are written.
    """

    taken: list[Taken]
    refused: list[Refused]
    without_consent: list[int]
    decisions: dict[str, Consent]


class Intake(NamedTuple):
    """What it takes: whose events, how people and sessions are named, what is let through, what is allowed."""

    tenant: str
    pseudonymizer: Pseudonymizer
    stamper: Stamper
    load_consents: LoadConsents
    fingerprint: str
    identity: Literal["content", "position"] = "content"
    words: ItemWords = NO_WORDS
    tolerance_s: int = 300

    def take(self, rows: Sequence[EventRow], now_ms: int) -> Batch:
        """The rows as events, in order."""
        read, refused = self._read(rows, now_ms)
        users = dict.fromkeys(each.event.user_id for _row, each in read if isinstance(each, Row))
        names = {user: self.pseudonymizer.person(self.tenant, user) for user in users}
        recorded = dict.fromkeys(each.event.person for _row, each in read if isinstance(each, Recorded))
        persons = [*names.values(), *recorded]
        consents = dict(self.load_consents(persons)) if persons else {}
        batch = Batch([], refused, [], {})
        for row, each in read:
            place = ""
            if isinstance(each, Recorded):
                event, place = _recorded_allowed(each.event, consents, batch.decisions), each.place
            else:
                event = self._stamped(row, each, names[each.event.user_id], consents)
            if event is None:
                batch.without_consent.append(row.first)
            else:
                batch.taken.append(Taken(row.first, row.last, event, digest_of_event(event, place)))
        return batch

    def _read(
        self, rows: Sequence[EventRow], now_ms: int
    ) -> tuple[list[tuple[EventRow, Row | Recorded]], list[Refused]]:
        found: list[tuple[EventRow, Row | Recorded]] = []
        refused: list[Refused] = []
        for row in rows:
            if not row.is_exported:
                row.fields.setdefault("event_id", _TO_COME)
            try:
                body = _encode(row.fields)
            except _UNSPEAKABLE as error:
                refused.append(Refused(row.first, Problem("", None, f"cannot be an event: {error}"), row.last))
                continue
            one = self._exported(row, body) if row.is_exported else self._sent(row, body, now_ms)
            if isinstance(one, Refused):
                refused.append(one)
            else:
                found.append((row, one))
        return found, refused

    def _sent(self, row: EventRow, body: bytes, now_ms: int) -> Row | Refused:
        good, bad = read_rows((body,), now_ms, self.tolerance_s)
        if bad:
            return Refused(row.first, Problem(bad[0].path, bad[0].value, bad[0].message), row.last)
        return good[0]

    def _exported(self, row: EventRow, body: bytes) -> Recorded | Refused:
        try:
            return Recorded(*imported(body, self.tenant))
        except UNREADABLE as error:
            bad = row_error(0, body, ExportedEvent, str(error))
            return Refused(row.first, Problem(bad.path, bad.value, bad.message))
        except (UndecodableEvent, *_UNSPEAKABLE) as error:
            return Refused(row.first, Problem("", excerpt(body), str(error)))
        except InvalidInput as error:
            return Refused(row.first, Problem(error.key, error.value, str(error)))

    def _stamped(self, row: EventRow, sent: Row, person: str, consents: Mapping[str, Consent]) -> Event | None:
        record = consents.get(person)
        declared = row.consent if row.consent is not None else (record.purposes if record else 0)
        allowed = declared if record is None else declared & record.purposes
        if not allowed & PERSONALIZATION:
            return None
        allowed = permitted(allowed, sent.event.context.get("gpc") in _PRIVATE)
        event = self.stamper.stamp(sent, self.tenant, person, allowed, self.words)
        if event.event_id != _TO_COME:
            return event
        if self.identity == "position":
            return replace(event, event_id=id_of_position(event, self.fingerprint, row.first))
        return replace(event, event_id=id_of_content(event))


def _recorded_allowed(event: Event, consents: dict[str, Consent], decisions: dict[str, Consent]) -> Event | None:
    """An event of the log is as it was accepted, unless the person's own decision denies it now.

    A decision among the rows holds for the rows after it, as it did in the log, unless a newer one is known.
    """
    known = consents.get(event.person)
    if event.type in (CONSENT_CHANGED, ERASED):
        decided = Consent(event.consent & 7 if event.type == CONSENT_CHANGED else 0, event.timestamp_ms)
        if known is None or known.changed_ms <= decided.changed_ms:
            consents[event.person] = decisions[event.person] = decided
        return event
    if event.type in CONTROL or known is None or known.allows(PERSONALIZATION):
        return event
    return None
