"""Makes precomputed lists: of a block of people at once, or of one, by the same compiled code."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.lists.blend import Blend
from rayce.lists.blocks import compiled_block
from rayce.lists.expected import Expectation
from rayce.lists.histories import Histories
from rayce.lists.room import room_for
from rayce.lists.tables import Tables
from rayce.precomputed import List
from rayce.shelf import Floats, Ints

LENGTH = 100
AT_ONCE = 500
"""People of whom is held at once what is expected of every item."""


class Block(NamedTuple):
    """People × length: item numbers, best first, padded by `NOTHING`, and their scores."""

    items: Ints
    scores: Floats

    def lists(self, ids: Sequence[str]) -> list[List]:
        """Each person's list, by the items' ids."""
        counts = (self.items >= 0).sum(axis=1).tolist()
        rounded = np.round(self.scores.astype(np.float64), 5)
        return [
            [(ids[item], score) for item, score in zip(items[:count].tolist(), scores[:count].tolist(), strict=True)]
            for items, scores, count in zip(self.items, rounded, counts, strict=True)
        ]


class Candidates(NamedTuple):
    """One person's candidates, and candidates × `PARTS` of them."""

    items: Ints
    parts: NDArray[np.float64]


class ListMaker:
    """Makes lists from the tables of one shelf. One thread at a time."""

    def __init__(
        self,
        tables: Tables,
        blend: Blend,
        again_days: NDArray[np.float64] | None = None,
        expectation: Expectation | None = None,
    ) -> None:
        """`again_days`, by item: how long what somebody bought stays out of their list. The first of a process compiles."""
        self._tables, self._weights, self._room = tables, blend.weights(), room_for(tables)
        self._again_days = np.zeros(len(tables.available)) if again_days is None else again_days
        self._expectation = expectation
        self._block = compiled_block()

    def block(self, histories: Histories, now_ms: int, length: int = LENGTH, new: bool = False) -> Block:
        """Everybody's list as of `now_ms`; `new`: only of what they never bought."""
        people = len(histories.start) - 1
        made = Block(np.empty((people, length), dtype=np.int32), np.empty((people, length), dtype=np.float32))
        for first in range(0, people, AT_ONCE):
            last = min(first + AT_ONCE, people)
            own = histories.people(first, last)
            self._block(
                *own,
                self._tables,
                self._expected(own, now_ms),
                now_ms,
                self._room,
                self._weights,
                self._again_days,
                new,
                made.items[first:last],
                made.scores[first:last],
            )
        return made

    def candidates(self, histories: Histories, person: int, now_ms: int) -> Candidates:
        """What the list of one person is chosen from."""
        from rayce.lists.kernel import candidates

        own = histories.people(person, person + 1)
        count = candidates(*own[1:], self._tables, self._expected(own, now_ms)[0], now_ms, self._room)
        return Candidates(self._room.found[:count].copy(), self._room.rows[:, :count].T.copy())

    def _expected(self, own: Histories, now_ms: int) -> Floats:
        if self._expectation is None:
            return np.zeros((len(own.start) - 1, 0), dtype=np.float32)
        return self._expectation.of(own, now_ms)
