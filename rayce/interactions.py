"""Who touched or bought what, in which session, and when: history as columns, for everything that is computed at once."""

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.features.activity import TOUCHING
from rayce.history import Moment
from rayce.segments.flags import Flags
from rayce.session_rows import NO_KEYS, SessionKeys, session_key
from rayce.shelf import Floats, Ints

MAX_EVENT_ITEMS = 200
"""More products than this in one event say little about each; the rest is passed over."""
BOUGHT_WEIGHT = 5.0
"""What a purchase says of interest, where a look says 1: see `TOUCHING`."""

_COUNTRY = re.compile("[A-Z]{2}")


class Interactions(NamedTuple):
    """One row for each product of each event, in log order; numbers count from 0.

    `session` is the person's session, or the event itself where it has none. `kind` is an index into `member_bits`, the
    segments (bit numbers) in force just before the event. `bought` is False where the product was only looked at; `weight` is
    what such an event says of interest. `country` is an index into `countries`, "" where the event does not say it.
    `session_keys` tell sessions apart beyond this history, by number (`rayce.session_rows`); empty where nobody knows them.
    `persons` are the pseudonyms by number, where they are known.
    """

    person: Ints
    session: Ints
    item: Ints
    at_ms: NDArray[np.int64]
    bought: NDArray[np.bool_]
    kind: Ints
    member_bits: list[frozenset[int]]
    weight: Floats
    country: Ints
    countries: list[str]
    session_keys: SessionKeys = NO_KEYS
    persons: Sequence[str] = ()

    def purchases(self) -> "Interactions":
        """The rows of purchases."""
        return self.where(self.bought)

    def where(self, chosen: NDArray[np.bool_]) -> "Interactions":
        """The chosen rows."""
        return self._replace(**{name: getattr(self, name)[chosen] for name in _COLUMNS})


_COLUMNS = ("person", "session", "item", "at_ms", "bought", "kind", "weight", "country")


def gather(moments: Iterable[Moment], number: Mapping[str, int]) -> Interactions:
    """The interactions of moments with the items in `number`; consumes the moments."""
    person, session, item, kind = array("i"), array("i"), array("i"), array("i")
    at_ms, bought, weight, country = array("q"), array("b"), array("f"), array("i")
    persons: dict[str, int] = {}
    sessions: dict[tuple[int, str], int] = {}
    kinds: dict[frozenset[int], int] = {}
    countries: dict[str, int] = {}
    keys = array("Q")
    for before, event, _after in moments:
        purchase = event.type == "purchase"
        if not purchase and event.type not in TOUCHING:
            continue
        found = {number[line.item_id] for line in event.items[:MAX_EVENT_ITEMS] if line.item_id in number}
        who = persons.setdefault(event.person, len(persons))
        where = sessions.setdefault((who, event.session or event.event_id), len(sessions))
        if where == len(keys):
            keys.append(session_key(event.person, event.session or event.event_id))
        flags = Flags(0, before.flags, before.short_lived)
        member = kinds.setdefault(frozenset(flags.bits(event.timestamp_ms)), len(kinds))
        said = event.context.get("country", "")
        land = countries.setdefault(said if isinstance(said, str) and _COUNTRY.fullmatch(said) else "", len(countries))
        count = len(found)
        item.extend(sorted(found))
        person.extend([who] * count)
        session.extend([where] * count)
        at_ms.extend([event.timestamp_ms] * count)
        bought.extend([purchase] * count)
        kind.extend([member] * count)
        weight.extend([BOUGHT_WEIGHT if purchase else TOUCHING[event.type]] * count)
        country.extend([land] * count)
    return Interactions(
        person=np.frombuffer(person, dtype=np.int32),
        session=np.frombuffer(session, dtype=np.int32),
        item=np.frombuffer(item, dtype=np.int32),
        at_ms=np.frombuffer(at_ms, dtype=np.int64),
        bought=np.frombuffer(bought, dtype=np.bool_),
        kind=np.frombuffer(kind, dtype=np.int32),
        member_bits=list(kinds),
        weight=np.frombuffer(weight, dtype=np.float32),
        country=np.frombuffer(country, dtype=np.int32),
        countries=list(countries),
        session_keys=np.frombuffer(keys, dtype=np.uint64),
        persons=list(persons),
    )
