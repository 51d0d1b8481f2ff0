"""Who touched or bought what, in which session, and when: history as columns, for everything that is computed at once."""

from array import array
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.features.activity import TOUCHING
from rayce.history import Moment
from rayce.segments.flags import Flags
from rayce.shelf import Ints

MAX_EVENT_ITEMS = 200
"""More products than this in one event say little about each; the rest is passed over."""


class Interactions(NamedTuple):
    """One row for each product of each event, in log order; numbers count from 0.

    `session` is the person's session, or the event itself where it has none. `kind` is an index into `member_bits`, the
    segments (bit numbers) in force just before the event. `bought` is False where the product was only looked at.
    """

    person: Ints
    session: Ints
    item: Ints
    at_ms: NDArray[np.int64]
    bought: NDArray[np.bool_]
    kind: Ints
    member_bits: list[frozenset[int]]

    def purchases(self) -> "Interactions":
        """The rows of purchases."""
        return self._replace(**{name: getattr(self, name)[self.bought] for name in _COLUMNS})


_COLUMNS = ("person", "session", "item", "at_ms", "bought", "kind")


def gather(moments: Iterable[Moment], number: Mapping[str, int]) -> Interactions:
    """The interactions of moments with the items in `number`; consumes the moments."""
    person, session, item, kind = array("i"), array("i"), array("i"), array("i")
    at_ms, bought = array("q"), array("b")
    persons: dict[str, int] = {}
    sessions: dict[tuple[int, str], int] = {}
    kinds: dict[frozenset[int], int] = {}
    for before, event, _after in moments:
        purchase = event.type == "purchase"
        if not purchase and event.type not in TOUCHING:
            continue
        found = {number[line.item_id] for line in event.items[:MAX_EVENT_ITEMS] if line.item_id in number}
        who = persons.setdefault(event.person, len(persons))
        where = sessions.setdefault((who, event.session or event.event_id), len(sessions))
        flags = Flags(0, before.flags, before.short_lived)
        member = kinds.setdefault(frozenset(flags.bits(event.timestamp_ms)), len(kinds))
        count = len(found)
        item.extend(sorted(found))
        person.extend([who] * count)
        session.extend([where] * count)
        at_ms.extend([event.timestamp_ms] * count)
        bought.extend([purchase] * count)
        kind.extend([member] * count)
    return Interactions(
        person=np.frombuffer(person, dtype=np.int32),
        session=np.frombuffer(session, dtype=np.int32),
        item=np.frombuffer(item, dtype=np.int32),
        at_ms=np.frombuffer(at_ms, dtype=np.int64),
        bought=np.frombuffer(bought, dtype=np.bool_),
        kind=np.frombuffer(kind, dtype=np.int32),
        member_bits=list(kinds),
    )
