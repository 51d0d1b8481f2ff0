"""Writing imported events exactly once: what a broken write left in the log is looked up there, never guessed.

The fold counts a repeated id once within a day of event time; history passes through days in a second, so that is not enough
here. Before each batch the ends of the log are durable (`Progress.log_ends`); after a kill, or a write that was not
acknowledged, the log is read from there on, and what has arrived is not written again.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from rayce.errors import Unavailable, UndecodableEvent
from rayce.event import decode_event, encode_event
from rayce.importing.intake import Taken
from rayce.stores.interfaces import Record

SENT_AT_ONCE = 2_000
TRIES, PAUSE_S = 10, 3.0
HEADER = "rayce-import"
"""Imported records of the log have it, with the event's digest: so it can be told from the log what has arrived."""


class EventLog(Protocol):
    """The log of events as an import sees it. Every call raises `Unavailable` when it does not answer."""

    def write(self, records: Sequence[tuple[bytes, bytes, bytes]]) -> None:
        """Write records (key, value, and the value of `HEADER`); returns once all are acknowledged."""
        ...

    def ends(self) -> dict[int, int]:
        """By partition, the offset that the next record will get."""
        ...

    def between(self, begins: Mapping[int, int], ends: Mapping[int, int]) -> Iterable[Record]:
        """The records from some offsets up to others."""
        ...


class Arrived(NamedTuple):
    """An imported event that stands in the log: what it is known by, and its moment."""

    digest: int
    timestamp_ms: int


class Delivery:
    """Writes batches to the log."""

    def __init__(
        self,
        log: EventLog,
        tenant: str,
        say: Callable[[str], None] = lambda text: None,
        pause: Callable[[float], None] = time.sleep,
        tries: int = TRIES,
    ) -> None:
        """`pause` waits so many seconds before a write that failed is looked into."""
        self._log = log
        self._tenant = tenant
        self._say = say
        self._pause = pause
        self._tries = tries

    def ends(self) -> dict[int, int]:
        """Where the log ends now."""
        return self._log.ends()

    def arrived(self, begins: Mapping[int, int]) -> Iterator[Arrived]:
        """The tenant's imported events that stand in the log from these offsets to its present end."""
        ends = self._log.ends()
        for record in self._log.between({p: begins.get(p, 0) for p in ends}, ends):
            digest = dict(record.headers).get(HEADER)
            if digest is None:
                continue
            try:
                event = decode_event(record.value)
            except UndecodableEvent:
                continue
            if event.tenant == self._tenant:
                yield Arrived(int.from_bytes(digest, "big"), event.timestamp_ms)

    def write(self, events: Sequence[Taken], begins: Mapping[int, int]) -> None:
        """Write the events, each once; none of them stood in the log after `begins` before. `Unavailable` after some tries."""
        waiting = events
        for left in reversed(range(self._tries)):
            try:
                self._send(waiting)
            except Unavailable as error:
                if not left:
                    raise
                self._say(f"{error}; looking what has arrived in {PAUSE_S:g} s")
                waiting = self._missing(waiting, begins, left)
                continue
            return

    def _send(self, events: Sequence[Taken]) -> None:
        for at in range(0, len(events), SENT_AT_ONCE):
            some = events[at : at + SENT_AT_ONCE]
            self._log.write([_record(each) for each in some])

    def _missing(self, events: Sequence[Taken], begins: Mapping[int, int], tries: int) -> Sequence[Taken]:
        for left in reversed(range(tries)):
            self._pause(PAUSE_S)
            try:
                there = {each.digest for each in self.arrived(begins)}
            except Unavailable:
                if not left:
                    raise
                continue
            return [each for each in events if each.digest not in there]
        raise AssertionError("unreachable")


def _record(taken: Taken) -> tuple[bytes, bytes, bytes]:
    return taken.event.person.encode(), encode_event(taken.event), taken.digest.to_bytes(8, "big")
