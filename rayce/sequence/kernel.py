"""Loops of the recurrent network that NumPy has no word for, compiled: `rayce.sequence.recurrent` says what they compute.

numba is imported at the first call of `compiled`. One thread, and sums in a fixed order: the same bits each time.
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple


def scan(gates: Any, inner: Any, starts: Any, states: Any) -> None:
    """Fills `states`: each is the one before, moved by its gate towards `inner`; the first of each sequence from zero."""
    for sequence in range(len(starts) - 1):
        for row in range(starts[sequence], starts[sequence + 1]):
            for k in range(gates.shape[1]):
                before = states[row - 1, k] if row > starts[sequence] else 0.0 * gates[row, k]
                states[row, k] = before + gates[row, k] * (inner[row, k] - before)


def scan_back(gates: Any, inner: Any, starts: Any, states: Any, slopes: Any, of_gates: Any, of_inner: Any) -> None:
    """Fills the slopes of `gates` and `inner`, given those of the states. `slopes` is used up."""
    for sequence in range(len(starts) - 1):
        for row in range(starts[sequence + 1] - 1, starts[sequence] - 1, -1):
            for k in range(gates.shape[1]):
                slope = slopes[row, k]
                of_inner[row, k] = slope * gates[row, k]
                if row > starts[sequence]:
                    of_gates[row, k] = slope * (inner[row, k] - states[row - 1, k])
                    slopes[row - 1, k] += slope * (1 - gates[row, k])
                else:
                    of_gates[row, k] = slope * inner[row, k]


def hide_seen(logits: Any, items: Any, starts: Any, first_row: Any, place: Any, low: Any) -> None:
    """Lowers, in the row of each step, what its sequence has seen up to then. Row 0 is step `first_row` of `items`.

    `place` is the column of an item, -1 where it has none.
    """
    sequence = 0
    for row in range(logits.shape[0]):
        step = first_row + row
        while starts[sequence + 1] <= step:
            sequence += 1
        for seen in range(starts[sequence], step + 1):
            column = place[items[seen]]
            if column >= 0:
                logits[row, column] = low


def loss_and_slopes(weights: Any, labels: Any, share: Any) -> Any:
    """From the exponentials of the logits to the slopes of the loss, in place; returns the sum of -log(chance of the label).

    A row counts `share`; one with the label -1 not at all.
    """
    loss = 0.0
    for row in range(weights.shape[0]):
        label = labels[row]
        if label < 0:
            weights[row, :] = 0
            continue
        total = 0 * share
        for column in range(weights.shape[1]):
            total += weights[row, column]
        loss -= math.log(max(weights[row, label] / total, 1e-30))
        factor = share / total
        for column in range(weights.shape[1]):
            weights[row, column] *= factor
        weights[row, label] -= share
    return loss


def add_rows(table: Any, rows: Any, values: Any) -> None:
    """Adds `values[n]` to row `rows[n]` of the table."""
    for n in range(len(rows)):
        for k in range(values.shape[1]):
            table[rows[n], k] += values[n, k]


class Kernel(NamedTuple):
    """The loops, compiled."""

    scan: Any
    scan_back: Any
    hide_seen: Any
    loss_and_slopes: Any
    add_rows: Any


_F, _I, _L = "float32[:,::1]", "int32[::1]", "int64[::1]"


@lru_cache(maxsize=1)
def compiled() -> Kernel:
    """All of them, in about a second at the first call of a process."""
    import numba

    def quickly(signature: str) -> Any:
        """Sums may be split, into as many as the machine adds at once."""
        return numba.njit(signature, nogil=True, fastmath={"reassoc", "nsz", "contract"})

    return Kernel(
        scan=quickly(f"void({_F}, {_F}, {_L}, {_F})")(scan),
        scan_back=quickly(f"void({_F}, {_F}, {_L}, {_F}, {_F}, {_F}, {_F})")(scan_back),
        hide_seen=numba.njit(f"void({_F}, {_I}, {_L}, int64, {_I}, float32)", nogil=True)(hide_seen),
        loss_and_slopes=quickly(f"float64({_F}, {_I}, float32)")(loss_and_slopes),
        add_rows=numba.njit(f"void({_F}, {_I}, {_F})", nogil=True)(add_rows),
    )
