"""What the log says of sessions as it goes on: only those fields of an event are decoded that say who touched what, and when.

The same is learnt of it as a batch run learns (`rayce.history`, `rayce.interactions`): events whose consent allows it, and
nothing any more of who has withdrawn or was erased. A tenant's rows are bounded: of more the earliest come off.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping

import msgspec
import numpy as np
from msgspec import Raw, Struct
from numpy.typing import NDArray

from rayce.consent import PERSONALIZATION, TRAINING
from rayce.event import BEHAVIOUR, CONSENT_CHANGED, ERASED, Moment
from rayce.features.activity import TOUCHING
from rayce.interactions import MAX_EVENT_ITEMS
from rayce.item import ItemId
from rayce.session_rows import session_key
from rayce.session_tail import Fresh

PURPOSES = PERSONALIZATION | TRAINING
KEPT_SHARE = 0.75
"""Of the rows that are kept when there are too many."""
MAX_KNOWN = 200_000
"""People of whom a decision is remembered."""
MAX_FORGOTTEN = 10_000
"""Sessions of people who have withdrawn, which must not be heard though they were built."""

_TOUCHING = frozenset((*TOUCHING, "purchase"))
_TELLING = frozenset((*BEHAVIOUR, CONSENT_CHANGED, ERASED))
"""All that people do: the first of it says what they had allowed."""
_NOTHING = Raw(b"\x80")


class _Item(Struct, array_like=True, gc=False):
    item_id: ItemId


class Happened(Struct, array_like=True, gc=False):
    """An event as `rayce.event` encodes it, as far as sessions are concerned."""

    version: int
    event_id: str
    type: str
    tenant: str
    person: str
    timestamp_ms: Moment
    session: str = ""
    items: tuple[_Item, ...] = ()
    context: Raw = _NOTHING
    properties: Raw = _NOTHING
    consent: int = 0


_decode = msgspec.msgpack.Decoder(Happened).decode


def telling(values: Iterable[bytes]) -> Iterator[Happened]:
    """Those records that say something of sessions or of consent; what cannot be read is passed over."""
    for value in values:
        try:
            happened = _decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        if happened.type in _TELLING:
            yield happened


class RecentSessions:
    """The sessions of one tenant, of what was taken since; one thread at a time."""

    def __init__(self, most_rows: int) -> None:
        self._most = most_rows
        self._session, self._item, self._at_ms = array("i"), array("i"), array("q")
        self._event = array("q")
        self._keys, self._ids = array("Q"), list[str]()
        self._people: dict[str, dict[str, int]] = {}
        self._numbers: dict[str, int] = {}
        self._seen: set[int] = set()
        self._known: dict[str, int] = {}
        self._forgotten: dict[int, None] = {}
        self._of_shelf: tuple[Mapping[str, int] | None, array[int]] = (None, array("i"))

    def __len__(self) -> int:
        return len(self._session)

    def take(self, happened: Happened) -> bool:
        """One event more; whether somebody's sessions must be forgotten, at once."""
        person = happened.person
        if happened.type in (CONSENT_CHANGED, ERASED):
            allowed = happened.consent if happened.type == CONSENT_CHANGED else 0
            self._remember(person, allowed)
            return allowed & PURPOSES != PURPOSES and self._forget(person)
        allowed = happened.consent & self._known.get(person, happened.consent)
        if allowed & PERSONALIZATION and person not in self._known:
            self._remember(person, happened.consent)
        if allowed & PURPOSES == PURPOSES and happened.type in _TOUCHING:
            self._add(person, happened)
        return False

    def fresh(self, number: Mapping[str, int]) -> Fresh:
        """What was taken, with the shelf's item numbers; what the shelf does not hold is left out."""
        item = np.frombuffer(self._places_on(number), dtype=np.int32)[_ints(self._item)]
        there = item >= 0
        at_ms = np.array(self._at_ms, dtype=np.int64)
        forgotten = np.fromiter(self._forgotten, dtype=np.uint64, count=len(self._forgotten))
        return Fresh(_ints(self._session)[there], item[there], at_ms[there], np.array(self._keys, np.uint64), forgotten)

    def _add(self, person: str, happened: Happened) -> None:
        event = hash(happened.event_id)
        if event in self._seen or not happened.items:
            return
        own = self._people.setdefault(person, {})
        name = happened.session or happened.event_id
        session = own.get(name)
        if session is None:
            session = own[name] = len(self._keys)
            self._keys.append(session_key(person, name))
        self._seen.add(event)
        for item_id in {line.item_id for line in happened.items[:MAX_EVENT_ITEMS]}:
            number = self._numbers.get(item_id)
            if number is None:
                number = self._numbers[item_id] = len(self._ids)
                self._ids.append(item_id)
            self._session.append(session)
            self._item.append(number)
            self._at_ms.append(happened.timestamp_ms)
            self._event.append(event)
        if len(self._session) > self._most:
            self._keep(np.arange(len(self._session)) >= len(self._session) - int(KEPT_SHARE * self._most))

    def _remember(self, person: str, purposes: int) -> None:
        self._known.pop(person, None)
        self._known[person] = purposes
        if len(self._known) > MAX_KNOWN:
            self._known = dict(list(self._known.items())[MAX_KNOWN // 2 :])

    def _forget(self, person: str) -> bool:
        own = self._people.pop(person, None)
        if not own:
            return False
        for number in own.values():
            self._forgotten[self._keys[number]] = None
        while len(self._forgotten) > MAX_FORGOTTEN:
            del self._forgotten[next(iter(self._forgotten))]
        self._keep(~np.isin(_ints(self._session), np.array(list(own.values()), dtype=np.int32)))
        return True

    def _keep(self, chosen: NDArray[np.bool_]) -> None:
        """These rows, and of sessions, products and events those that they speak of."""
        sessions, session = np.unique(_ints(self._session)[chosen], return_inverse=True)
        items, item = np.unique(_ints(self._item)[chosen], return_inverse=True)
        renumbered = dict(zip(sessions.tolist(), range(len(sessions)), strict=True))
        self._people = {
            person: kept
            for person, own in self._people.items()
            if (kept := {name: renumbered[number] for name, number in own.items() if number in renumbered})
        }
        self._keys = array("Q", np.array(self._keys, dtype=np.uint64)[sessions].tobytes())
        self._ids = [self._ids[number] for number in items.tolist()]
        self._numbers = {item_id: number for number, item_id in enumerate(self._ids)}
        self._session = array("i", session.astype(np.int32).tobytes())
        self._item = array("i", item.astype(np.int32).tobytes())
        self._at_ms = array("q", np.array(self._at_ms, dtype=np.int64)[chosen].tobytes())
        self._event = array("q", np.array(self._event, dtype=np.int64)[chosen].tobytes())
        self._seen = set(self._event)
        self._of_shelf = (None, array("i"))

    def _places_on(self, number: Mapping[str, int]) -> "array[int]":
        """The shelf's number of each product met; looked up once."""
        shelf, places = self._of_shelf
        if shelf is not number:
            places = array("i")
        # Another array than before: numpy still looks at the former one's memory.
        places = places + array("i", [number.get(item_id, -1) for item_id in self._ids[len(places) :]])
        self._of_shelf = (number, places)
        return places


def _ints(column: "array[int]") -> NDArray[np.int32]:
    return np.array(column, dtype=np.int32)
