"""Numbers of each person over windows that are too long for live features: one pass over the log, a few bytes a person.

What counts is what the fold counts (`rayce.fold`): an event id once, in the order of the log, with consent, and nothing of what
came before a withdrawal or an erasure. So the total of all time is the feature of the same name, to the bit.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayce.batch_segments.carried import Carried
from rayce.batch_segments.definition import Total
from rayce.consent import PERSONALIZATION
from rayce.decay import DAY_MS
from rayce.errors import UndecodableEvent
from rayce.event import CONSENT_CHANGED, ERASED, Event, Line, decode_event
from rayce.features.family import NEVER_DAYS
from rayce.recent_ids import count_in, counted, digest_of_id

Numbers = NDArray[np.float64]
Moments = NDArray[np.int64]
NEVER_MS = -1


class Purchases(Struct, frozen=True):
    """Of each person how often they bought, and when first, last, and the time before last (`NEVER_MS`: not so often)."""

    count: Moments
    first_ms: Moments
    last_ms: Moments
    before_last_ms: Moments


class _Head(Struct, array_like=True, gc=False):
    version: int
    event_id: str
    type: str
    tenant: str


_head_of = msgspec.msgpack.Decoder(_Head).decode


class Totals:
    """Adds up the log for one tenant, as of a moment. `of` by name."""

    def __init__(self, of: Mapping[str, Total], tenant: str, now_ms: int) -> None:
        self._of = {name: _Adding(total, now_ms) for name, total in of.items()}
        self.carried = Carried(of)
        """Names that no line has had."""
        self._tenant, self._now_ms = tenant, now_ms
        types = {"purchase", CONSENT_CHANGED, ERASED}.union(*(total.types for total in of.values()))
        self._types = frozenset(types)
        self._numbers: dict[str, int] = {}
        self._known = array("b")
        self._latest_ms = array("q")
        self._ids: list[bytes] = []
        self._bought = {name: array("q") for name in ("count", "first_ms", "last_ms", "before_last_ms")}
        self.undecodable = 0

    def take(self, records: Iterable[bytes]) -> None:
        """Records of the log, in order."""
        for record in records:
            try:
                head = _head_of(record)
                if head.tenant == self._tenant and head.type in self._types:
                    self._take(decode_event(record))
            except (UndecodableEvent, msgspec.MsgspecError, UnicodeDecodeError):
                self.undecodable += 1

    def values(self, people: Sequence[str]) -> dict[str, Numbers]:
        """By name, of these people; who is not in the log has nothing."""
        at = self._places(people)
        return {name: adding.values(at) for name, adding in self._of.items()}

    def purchases(self, people: Sequence[str]) -> Purchases:
        """Of these people, whenever they bought."""
        at = self._places(people)
        columns = {}
        for name, column in self._bought.items():
            found = np.array([*column, 0 if name == "count" else NEVER_MS], dtype=np.int64)
            columns[name] = found[at]
        return Purchases(**columns)

    def _places(self, people: Sequence[str]) -> Moments:
        """The last place is of nobody."""
        nobody = len(self._numbers)
        return np.array([self._numbers.get(person, nobody) for person in people], dtype=np.int64)

    def _take(self, event: Event) -> None:
        row = self._row(event.person)
        if event.type in (CONSENT_CHANGED, ERASED):
            self._known[row] = bool(event.type == CONSENT_CHANGED and event.consent & PERSONALIZATION)
            if not self._known[row]:
                self._forget(row)
            return
        if not event.consent & PERSONALIZATION or self._known[row] == 0:
            return
        self._known[row] = 1
        digest = digest_of_id(event.event_id)
        if counted(self._ids[row], digest):
            return
        self._latest_ms[row] = max(self._latest_ms[row], event.timestamp_ms)
        self._ids[row] = count_in(self._ids[row], digest, self._latest_ms[row])
        if event.timestamp_ms > self._now_ms:
            return
        self.carried.look_at(event)
        if event.type == "purchase":
            self._buy(row, event.timestamp_ms)
        for adding in self._of.values():
            adding.add(row, event)

    def _row(self, person: str) -> int:
        row = self._numbers.get(person)
        if row is None:
            row = self._numbers[person] = len(self._numbers)
            self._known.append(-1)  # nothing is known yet: the event itself says
            self._latest_ms.append(0)
            self._ids.append(b"")
            for name, column in self._bought.items():
                column.append(0 if name == "count" else NEVER_MS)
            for adding in self._of.values():
                adding.grow()
        return row

    def _forget(self, row: int) -> None:
        self._ids[row], self._latest_ms[row] = b"", 0
        for name, column in self._bought.items():
            column[row] = 0 if name == "count" else NEVER_MS
        for adding in self._of.values():
            adding.forget(row)

    def _buy(self, row: int, at_ms: int) -> None:
        bought = self._bought
        bought["count"][row] += 1
        first, last = bought["first_ms"][row], bought["last_ms"][row]
        bought["first_ms"][row] = at_ms if first == NEVER_MS else min(first, at_ms)
        bought["before_last_ms"][row] = max(bought["before_last_ms"][row], min(last, at_ms))
        bought["last_ms"][row] = max(last, at_ms)


class _Adding:
    """One total of everybody."""

    def __init__(self, total: Total, now_ms: int) -> None:
        self._total = total
        self._now_ms, self._since_ms = now_ms, now_ms - total.days * DAY_MS
        self._empty = NEVER_DAYS if total.of == "days_since" else 0.0
        self._sums = array("d")
        self._only = [
            (read, frozenset(words))
            for read, words in ((_category, total.categories), (_brand, total.brands), (_item, total.items))
            if words
        ]

    def grow(self) -> None:
        """One person more."""
        self._sums.append(self._empty)

    def forget(self, row: int) -> None:
        """As if the person were new."""
        self._sums[row] = self._empty

    def values(self, at: Moments) -> Numbers:
        """Of the people in these places."""
        return np.array([*self._sums, self._empty], dtype=np.float64)[at]

    def add(self, row: int, event: Event) -> None:
        """An event that counts."""
        if event.type not in self._total.types or event.timestamp_ms <= self._since_ms:
            return
        lines = event.items
        if self._only:
            lines = tuple(line for line in lines if all(read(line) in words for read, words in self._only))
            if not lines:
                return
        of, had = self._total.of, self._sums[row]
        if of == "events":
            self._sums[row] = had + 1
        elif of == "pieces":
            self._sums[row] = had + sum(line.quantity for line in lines)
        elif of == "value":  # as `rayce.features.purchases` adds up
            self._sums[row] = round(had + sum(line.quantity * (line.price or 0.0) for line in lines), 2)
        else:
            self._sums[row] = min(had, (self._now_ms - event.timestamp_ms) / DAY_MS)


def _category(line: Line) -> str:
    return line.category


def _brand(line: Line) -> str:
    return line.brand


def _item(line: Line) -> str:
    return line.item_id
