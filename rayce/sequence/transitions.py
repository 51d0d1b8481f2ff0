"""What follows what: how often an item came a little after another, the nearer the more.

Sequential rules along the histories (Ludewig & Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018,
3.1), each pair worth `FADE` for every step between; a history's latest items speak, the latest loudest.
"""

import numpy as np
from scipy import sparse

from rayce.sequence.sequences import Floats, Ints, Sequences

REACH, FADE = 10, 0.8
SPOKEN = 40
DOUBT = 5.0
"""Added to how often an item was taken: what was seen rarely says less."""
UNMET = 1e-4
"""Where nothing followed: far below the rarest."""


class Transitions:
    """Chances of what follows; items numbered from 0."""

    def __init__(self, followed: sparse.csr_array) -> None:
        self._followed = followed

    @classmethod
    def fit(cls, sequences: Sequences, n_items: int) -> "Transitions":
        """Count the pairs: those of each distance at once, so memory is bounded by the different pairs."""
        user = np.repeat(np.arange(sequences.users, dtype=np.int32), sequences.lengths())
        total = sparse.csr_array((n_items, n_items), dtype=np.float32)
        for distance in range(1, min(REACH, len(user) - 1) + 1):
            together = user[distance:] == user[:-distance]
            before, after = sequences.items[:-distance][together], sequences.items[distance:][together]
            worth = np.full(len(before), FADE ** (distance - 1), np.float32)
            total = total + sparse.coo_array((worth, (before, after)), shape=total.shape).tocsr()
        often = np.bincount(sequences.items, minlength=n_items) + DOUBT
        total.data /= np.repeat(often, np.diff(total.indptr)).astype(np.float32)
        total.sort_indices()
        return cls(total)

    def after(self, history: Ints, fades: tuple[float, ...]) -> Floats:
        """By fade and item, the logarithm of what follows the history, its latest items counted most: `fade` a step back."""
        n_items = self._followed.shape[1]
        found = np.zeros((len(fades), n_items), np.float32)
        indptr, indices, data = self._followed.indptr, self._followed.indices, self._followed.data
        for age, item in enumerate(history[: -SPOKEN - 1 : -1].tolist()):
            row = slice(indptr[item], indptr[item + 1])
            for column, fade in zip(found, fades, strict=True):
                column[indices[row]] += data[row] * np.float32(fade**age)
        return np.log(found + np.float32(UNMET))
