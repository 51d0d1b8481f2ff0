"""A linear model of the items: EASE^R, in closed form (Steck, "Embarrassingly shallow autoencoders", WWW 2019, eq. 8).

Learnt on whole histories, asked with the latest items counted most. Dense, so of the most popular items only where they are
many; what it does not know it scores 0.
"""

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from rayce.sequence.sequences import Floats, Ints, Sequences

MOST_ITEMS = 6_000
RIDGE = 500.0
SPOKEN = 100


class LinearItems:
    """Weights from item to item; `place` is the row and column of an item, -1 where it has none."""

    def __init__(self, weights: Floats, known: Ints, n_items: int) -> None:
        self._weights = weights
        self._known = known
        self._place = np.full(n_items, -1, np.int32)
        self._place[known] = np.arange(len(known))

    @classmethod
    def fit(cls, sequences: Sequences, n_items: int) -> "LinearItems":
        """Solve for the weights."""
        often = np.bincount(sequences.items, minlength=n_items)
        best = np.argsort(-often, kind="stable")[:MOST_ITEMS]
        known = np.sort(best[often[best] > 0]).astype(np.int32)
        user = np.repeat(np.arange(sequences.users), sequences.lengths())
        ones = np.ones(len(user), np.float32)
        had = sparse.coo_array((ones, (user, sequences.items)), shape=(sequences.users, n_items)).tocsr()[:, known]
        had.data[:] = 1.0
        gram = (had.T @ had).toarray().astype(np.float64)
        gram[np.diag_indices_from(gram)] += RIDGE
        # positive definite, so by Cholesky: half the time of a general inverse; only the lower half is filled
        half, _ = lapack.dpotri(lapack.dpotrf(gram, lower=1, overwrite_a=1)[0], lower=1, overwrite_c=1)
        inverse = np.tril(half) + np.tril(half, -1).T
        weights = inverse / -np.diag(inverse)
        np.fill_diagonal(weights, 0.0)
        return cls(weights.astype(np.float32), known, n_items)

    def after(self, history: Ints, fades: tuple[float, ...]) -> Floats:
        """By fade and item, the sum of the weights of the history, its latest items counted most: `fade` a step back."""
        found = np.zeros((len(fades), len(self._place)), np.float32)
        places = self._place[history[: -SPOKEN - 1 : -1]]
        ages = np.flatnonzero(places >= 0)
        if len(ages):
            worth = np.array(fades, np.float32)[:, None] ** ages.astype(np.float32)
            found[:, self._known] = worth @ self._weights[places[ages]]
        return found
