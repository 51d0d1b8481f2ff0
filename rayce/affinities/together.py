"""What is met in the same sessions: cosine, or BM25, of two products' sessions, shrunk where they rarely met.

Cosine: Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW 2001, 3.1; shrinkage: Bell & Koren,
ICDM 2007, 2.2. BM25: Robertson & Zaragoza, "The Probabilistic Relevance Framework" (2009), with sessions as terms and items as
documents, as the `implicit` package has it: a meeting in a short session says more, and a product of many sessions is damped.
Memory is bounded: one block of rows of the product of the session matrix with itself at a time.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rayce.affinities.tables import BLOCK, Table
from rayce.shelf import Floats, Ints

_PARTS = 1_024.0

Scheme = Literal["cosine", "bm25"]

NEIGHBOURS = 30
SHRINKAGE = 30.0
"""A pair that met this often counts half."""
MIN_TOGETHER = 2
K1, B = 100.0, 0.5
MAX_TOGETHER = 200
"""Of a longer session the last rows count: pairs grow with the square."""


def neighbours(
    sessions: Ints, items: Ints, n_items: int, count: int = NEIGHBOURS, block: int = BLOCK, scheme: Scheme = "cosine"
) -> tuple[Ints, Floats]:
    """n_items × `count` item numbers, best first, `NOTHING` where there are fewer, and their scores in (0, 1)."""
    found = Table.empty(n_items, count)
    met = _met(*_cut(sessions, items), n_items)
    by_item = met.T.tocsr()
    of_item, of_session = _worth(by_item, met, scheme)
    weighed = by_item
    if of_session is not None:
        weighed = by_item.copy()
        weighed.data = of_session[by_item.indices]
    for first in range(0, n_items, block):
        pairs = by_item[first : first + block] @ met
        worth = pairs if of_session is None else weighed[first : first + block].astype(np.float64) @ met
        for row in range(pairs.shape[0]):
            rows = slice(pairs.indptr[row], pairs.indptr[row + 1])
            others, together, item = pairs.indices[rows], pairs.data[rows], first + row
            good = (together >= MIN_TOGETHER) & (others != item)
            others, together, strength = others[good], together[good], worth.data[rows][good]
            strength = strength * of_item[item] * of_item[others] * (together / (together + SHRINKAGE))
            found.put(item, others, strength)
    if scheme == "bm25" and found.scores.size:
        found.scores[:] /= max(float(found.scores.max()), 1e-30) * (1 + 1e-6)
    return found.near, found.scores


def _met(sessions: Ints, items: Ints, n_items: int) -> sparse.csr_array:
    """Sessions × items, 1 where it was in it."""
    n_sessions = int(sessions.max()) + 1 if len(sessions) else 0
    met = sparse.csr_array((np.ones(len(items), np.float32), (sessions, items)), shape=(n_sessions, n_items))
    met.sum_duplicates()
    met.data[:] = 1.0
    return met


def _worth(
    by_item: sparse.csr_array, met: sparse.csr_array, scheme: Scheme
) -> tuple[NDArray[np.floating], NDArray[np.float32] | None]:
    """What a meeting counts: by item, and by session (None: all alike), in whole parts: the order of sums is no matter."""
    sessions_of = np.diff(by_item.indptr)
    if scheme == "cosine":
        return 1.0 / np.sqrt(np.maximum(sessions_of, 1)).astype(np.float32), None
    items_of = np.diff(met.indptr)
    n_items = max(met.shape[1], 1)
    known = sessions_of[sessions_of > 0]
    long = (1.0 - B) + B * sessions_of / (known.mean() if len(known) else 1.0)
    of_session = np.rint(np.log1p(n_items / np.maximum(items_of, 1)) ** 2 * _PARTS).astype(np.float32)
    return (K1 + 1.0) / (K1 * long + 1.0), of_session


def _cut(sessions: Ints, items: Ints) -> tuple[Ints, Ints]:
    """The last `MAX_TOGETHER` rows of each session."""
    if not len(sessions) or int(np.bincount(sessions).max()) <= MAX_TOGETHER:
        return sessions, items
    order = np.argsort(sessions, kind="stable")
    ordered = sessions[order]
    ends = np.searchsorted(ordered, ordered, side="right")
    kept: NDArray[np.intp] = np.sort(order[ends - np.arange(len(order)) <= MAX_TOGETHER])
    return sessions[kept], items[kept]
