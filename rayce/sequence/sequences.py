"""Histories as two columns: everybody's items in order of time."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Floats = NDArray[np.float32]


class Sequences(NamedTuple):
    """User `u` took `items[starts[u] : starts[u + 1]]`, numbers from 0, the oldest first."""

    starts: Longs
    items: Ints

    @classmethod
    def of(cls, histories: Iterable[Sequence[int] | NDArray[Any]]) -> "Sequences":
        """From one list each.

        >>> Sequences.of([[3, 1], [], [2]]).starts.tolist()
        [0, 2, 2, 3]
        """
        lists = [np.asarray(history, dtype=np.int32) for history in histories]
        starts = np.zeros(len(lists) + 1, dtype=np.int64)
        np.cumsum([len(each) for each in lists], out=starts[1:])
        return cls(starts, np.concatenate(lists) if lists else np.zeros(0, np.int32))

    @property
    def users(self) -> int:
        """How many."""
        return len(self.starts) - 1

    def one(self, user: int) -> Ints:
        """A user's items."""
        return self.items[self.starts[user] : self.starts[user + 1]]

    def pick(self, users: Iterable[int]) -> "Sequences":
        """Of these users, in this order."""
        return Sequences.of(self.one(user) for user in users)

    def shortened(self, by: int) -> "Sequences":
        """Everybody without their last `by` items.

        >>> Sequences.of([[3, 1], [2]]).shortened(1).items.tolist()
        [3]
        """
        return Sequences.of(
            self.one(user)[: max(0, length - by)] for user, length in enumerate(self.lengths().tolist())
        )

    def recent(self, most: int) -> "Sequences":
        """Everybody's latest `most` items."""
        return Sequences.of(self.one(user)[-most:] for user in range(self.users))

    def lengths(self) -> Longs:
        """Items of each user."""
        return np.diff(self.starts)

    def last(self) -> Ints:
        """Everybody's last item; -1 where there is none.

        >>> Sequences.of([[3, 1], [], [2]]).last().tolist()
        [1, -1, 2]
        """
        found = np.full(self.users, -1, np.int32)
        some = self.lengths() > 0
        found[some] = self.items[self.starts[1:][some] - 1]
        return found
