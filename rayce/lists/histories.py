"""People's histories side by side, as the kernel reads them: each person's rows in order of time."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.interactions import Interactions
from rayce.shelf import Floats, Ints, Moments

Digests = NDArray[np.uint64]
_ROW = np.dtype([("item", "<i4"), ("at_ms", "<i8"), ("bought", "?"), ("weight", "<f4")])


class Histories(NamedTuple):
    """Person n has the rows `start[n]` to `start[n + 1]`; `item` counts as on the shelf, `weight` as in the interactions."""

    start: NDArray[np.int64]
    item: Ints
    at_ms: Moments
    bought: NDArray[np.bool_]
    weight: Floats

    def people(self, first: int, last: int) -> "Histories":
        """Those of the persons `first` to `last - 1`, counted from 0."""
        rows = slice(int(self.start[first]), int(self.start[last]))
        return Histories(
            self.start[first : last + 1] - self.start[first],
            self.item[rows],
            self.at_ms[rows],
            self.bought[rows],
            self.weight[rows],
        )

    def of(self, persons: NDArray[np.intp]) -> "Histories":
        """Those of the persons with these numbers, in this order."""
        length = (self.start[1:] - self.start[:-1])[persons]
        start = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        rows = np.arange(start[-1]) + np.repeat(self.start[:-1][persons] - start[:-1], length)
        return Histories(start, self.item[rows], self.at_ms[rows], self.bought[rows], self.weight[rows])

    def nobody(self) -> "Histories":
        """One person who did nothing."""
        return Histories(np.zeros(2, dtype=np.int64), self.item[:0], self.at_ms[:0], self.bought[:0], self.weight[:0])

    def until(self, at_ms: int) -> "Histories":
        """What had happened before the moment, of the same people."""
        kept = self.at_ms < at_ms
        before = np.concatenate([[0], np.cumsum(kept)])
        return Histories(before[self.start], self.item[kept], self.at_ms[kept], self.bought[kept], self.weight[kept])

    def digests(self, persons: Sequence[str]) -> Digests:
        """Eight bytes of each person and their rows: the same as long as they did nothing more."""
        bounds = self.start.tolist()
        rows = np.rec.fromarrays([self.item, self.at_ms, self.bought, self.weight], dtype=_ROW)
        found = [
            blake2b(rows[first:last].tobytes(), digest_size=8, salt=b"rayce-lists", key=person.encode()[:64]).digest()
            for person, first, last in zip(persons, bounds[:-1], bounds[1:], strict=True)
        ]
        return np.frombuffer(b"".join(found), dtype="<u8")


def histories_of(interactions: Interactions, people: int | None = None) -> Histories:
    """The histories by the interactions' person numbers, up to `people` of them (default: as many as there are)."""
    person = interactions.person
    count = people if people is not None else int(person.max()) + 1 if len(person) else 0
    order = np.lexsort((interactions.at_ms, person))
    return Histories(
        start=np.concatenate([[0], np.cumsum(np.bincount(person, minlength=count))]).astype(np.int64),
        item=interactions.item[order].astype(np.int32, copy=False),
        at_ms=interactions.at_ms[order].astype(np.int64, copy=False),
        bought=interactions.bought[order].astype(np.bool_, copy=False),
        weight=interactions.weight[order].astype(np.float32, copy=False),
    )
