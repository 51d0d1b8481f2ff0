"""A world to import into, in this process: durable memory, a log, and a command that may be killed at any step."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from rayce.errors import Unavailable
from rayce.event import Event, decode_event
from rayce.fold import fold
from rayce.importing.delivery import HEADER, Delivery
from rayce.importing.event_import import EventImport, How, Target
from rayce.importing.intake import Intake
from rayce.importing.ledger import Ledger
from rayce.importing.report import FileReport
from rayce.importing.seen import Seen
from rayce.importing.settling import settle
from rayce.importing.source_file import fingerprint, recognise
from rayce.ingest import Stamper
from rayce.profile import Profile, encode_profile
from rayce.pseudonym import Pseudonymizer
from rayce.settings import PrivacySettings
from rayce.stores.interfaces import EVENTS, Record
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_log import MemoryLog

KEYS = {"k1": "00" * 32}
PRIVACY = PrivacySettings(pseudonym_keys=KEYS)
NAMES = Pseudonymizer("k1", KEYS)
NOW_MS = 1_800_000_000_000
TENANT = "shop"


class Killed(BaseException):
    """kill -9: nothing catches it."""


class MemoryEventLog:
    """`EventLog` over a `MemoryLog`. Before each record `step` is called: it may kill, or switch the log off."""

    def __init__(self, log: MemoryLog, step: Callable[[], None] = lambda: None) -> None:
        self._log = log
        self._step = step

    def write(self, records: Sequence[tuple[bytes, bytes, bytes]]) -> None:
        for key, value, digest in records:
            self._step()
            self._log.write_all_now(EVENTS, [(key, value)], [(HEADER, digest)])
        self._step()

    def ends(self) -> dict[int, int]:
        self._log.answer()
        return {partition: self._log.end(partition) for partition in range(4)}

    def between(self, begins: Mapping[int, int], ends: Mapping[int, int]) -> Iterator[Record]:
        for partition, begin in begins.items():
            yield from self._log.read(partition, begin, ends[partition] - begin)


class World:
    """Stores that outlive the commands run on them."""

    def __init__(self) -> None:
        self.durable = MemoryDurable()
        self.log = MemoryLog()

    def run(
        self,
        file: Path,
        step: Callable[[], None] = lambda: None,
        durable: Any = None,
        settles: bool = True,
        tries: int = 1,
        **how: Any,
    ) -> FileReport:
        """One command. `settles` is False for the mutant that does not look what a killed run has left in the log."""
        notes = durable or self.durable
        ledger = Ledger(notes, TENANT)
        delivery = Delivery(MemoryEventLog(self.log, step), TENANT, pause=lambda s: None, tries=tries)
        if settles:
            settle(ledger, delivery)
        mapping = how.get("mapping")
        intake = Intake(
            tenant=TENANT,
            pseudonymizer=NAMES,
            stamper=Stamper(NAMES, PRIVACY),
            load_consents=self.durable.load_consents,
            fingerprint=fingerprint(file),
            identity=mapping.identity if mapping else "content",
        )
        target = Target(delivery, self.durable.save_consent)
        given = How(**{"now_ms": lambda: NOW_MS, "consent": 1, **how})
        return EventImport(recognise(file), intake, ledger, Seen(ledger), target, given).run()

    def records(self) -> list[Record]:
        """The log, partition by partition."""
        return [record for partition in range(4) for record in self.log.read(partition, 0, 1 << 30)]

    def events(self) -> list[Event]:
        """The same, decoded."""
        return [decode_event(record.value) for record in self.records()]

    def states(self) -> dict[str, bytes]:
        """What the stream would make of the log."""
        profiles: dict[str, Profile] = {}
        for event in self.events():
            profiles[event.person] = fold(profiles.get(event.person, Profile()), event)
        return {person: encode_profile(profile) for person, profile in sorted(profiles.items())}


class Flaky:
    """Durable memory that calls `step` before each write of a note."""

    def __init__(self, durable: MemoryDurable, step: Callable[[], None]) -> None:
        self._durable = durable
        self._step = step

    def save_note(self, book: str, key: str, body: bytes) -> None:
        self._step()
        self._durable.save_note(book, key, body)

    def load_notes(self, book: str) -> dict[str, bytes]:
        return self._durable.load_notes(book)


def at_step(number: int, error: BaseException) -> Callable[[], None]:
    """Raises the error at the step of that number, once."""
    left = [number]

    def step() -> None:
        left[0] -= 1
        if left[0] == -1:
            raise error

    return step


def away() -> Unavailable:
    return Unavailable("kafka", "switched off")


def lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """A file of JSON lines."""
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return path


def history(users: int = 4, rows: int = 40, step_ms: int = 20 * 3_600_000) -> list[dict[str, Any]]:
    """Events of our own fields, so far apart that the fold has forgotten an id long before the file ends."""
    return [
        {
            "type": ("view", "add_to_cart", "purchase")[at % 3],
            "user_id": f"u{at % users}",
            "timestamp": 1_700_000_000_000 + at * step_ms,
            "items": [{"item_id": f"p{at % 7}", "quantity": 1 + at % 3, "price": 1.5}],
        }
        for at in range(rows)
    ]
