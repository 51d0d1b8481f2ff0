"""Tables of neighbours: of each item the best others with their scores; kept from blocks of pairs, and merged."""

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.shelf import NOTHING, Floats, Ints

BLOCK = 1_024
"""Rows that are worked on at a time: it bounds the memory."""


class Table(NamedTuple):
    """n × k item numbers, best first, `NOTHING` where there are fewer, and their scores."""

    near: Ints
    scores: Floats

    @classmethod
    def empty(cls, rows: int, count: int) -> "Table":
        """Nothing is near to anything."""
        return cls(np.full((rows, count), NOTHING, dtype=np.int32), np.zeros((rows, count), dtype=np.float32))

    def to_bytes(self) -> bytes:
        """For `from_bytes`."""
        buffer = io.BytesIO()
        np.savez(buffer, near=self.near, scores=self.scores)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Table":
        """Inverse of `to_bytes`."""
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return cls(stored["near"], stored["scores"])

    def put(self, row: int, others: Ints, strength: NDArray[Any]) -> None:
        """Fills a row with the best of these; equal ones go by number."""
        count = self.near.shape[1]
        if len(others) > count:
            least = np.partition(strength, len(strength) - count)[len(strength) - count]
            good = strength >= least
            others, strength = others[good], strength[good]
        order = np.lexsort((others, -strength))[:count]
        self.near[row, : len(order)] = others[order]
        self.scores[row, : len(order)] = strength[order]

    def typical(self) -> float:
        """The mean of the best scores of those rows that have any: what is much for this table. 1 where there is nothing."""
        best = self.scores[:, 0] if self.scores.shape[1] else self.scores.ravel()
        best = best[best > 0]
        return float(best.mean(dtype=np.float64)) if len(best) else 1.0

    def of(self, rows: Ints | slice) -> "Table":
        """These rows."""
        return Table(self.near[rows], self.scores[rows])

    def at_all(self) -> NDArray[np.bool_]:
        """Which rows have anything."""
        found: NDArray[np.bool_] = (self.near != NOTHING).any(axis=1)
        return found


Weighted = Sequence[tuple[Table, float]]
"""Tables of the same items, each with the weight of its scores."""


def blended(tables: Weighted, n_items: int, count: int, cold: NDArray[np.bool_] | None = None, slots: int = 0) -> Table:
    """`merged`, with the tables on one scale: what is much for each counts alike, and is as much as for the first of them."""
    scale = tables[0][0].typical() / sum(weight for _table, weight in tables)
    scaled = [(table, weight * scale / table.typical()) for table, weight in tables]
    return merged(scaled, n_items, count, cold, slots)


def merged(tables: Weighted, n_items: int, count: int, cold: NDArray[np.bool_] | None = None, slots: int = 0) -> Table:
    """One table of weighted sums, at most 1; equal ones go by number.

    `cold` items (of all `n_items`) have few friends: up to `slots` places of a row are theirs where they are near to it at all.
    """
    rows = len(tables[0][0].near)
    found = Table.empty(rows, count)
    for first in range(0, rows, BLOCK):
        last = min(first + BLOCK, rows)
        row, item, score = _summed([(t.of(slice(first, last)), weight) for t, weight in tables], n_items)
        order = np.lexsort((item, -score, row))
        row, item, score = row[order], item[order], score[order]
        favoured = np.zeros(len(row), dtype=np.bool_)
        if cold is not None and slots:
            chilly = cold[item]
            favoured[chilly] = _rank(row[chilly]) < slots
        room = count - np.bincount(row, favoured, last - first).astype(np.int64)
        kept = favoured.copy()
        kept[~favoured] = _rank(row[~favoured]) < room[row[~favoured]]
        row, item, score = row[kept], item[kept], score[kept]
        place = _rank(row)
        found.near[first + row, place] = item
        found.scores[first + row, place] = np.minimum(score, 1.0)
    return found


def _summed(tables: Weighted, n_items: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(row, item, weighted sum of scores), each pair once."""
    keys, values = [], []
    for table, weight in tables:
        row, place = np.nonzero(table.near != NOTHING)
        if weight > 0:
            keys.append(row * n_items + table.near[row, place])
            values.append(weight * table.scores[row, place].astype(np.float64))
    if not keys:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    pair, at = np.unique(np.concatenate(keys), return_inverse=True)
    row, item = np.divmod(pair, n_items)
    return row, item, np.asarray(np.bincount(at, np.concatenate(values)), dtype=np.float64)


def _rank(row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of each within its row, from 0; rows ascend."""
    starts = np.flatnonzero(np.diff(row, prepend=-1) != 0)
    lengths = np.diff(starts, append=len(row))
    return np.arange(len(row)) - np.repeat(starts, lengths)
