"""EASE^R: how much each product of a history speaks for each other one, in closed form, cut to the strongest.

Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019: B = I - P diag(1 / diag P), P = (X'X + λI)^-1. Where
there are fewer people than products the same P comes from the inverse of XX' + λI (the Woodbury identity), which is smaller.
Everything in one thread of the linear algebra: its sums, and so the bits, would depend on how many there are.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import lapack
from threadpoolctl import threadpool_limits

from rayce.errors import NotEnoughData
from rayce.shelf import NOTHING, Floats, Ints

MOST_DENSE = 10_000
"""Rows of the inverse, at most: 800 MB."""
MOST_CELLS = 150_000_000
"""People × products, at most, where people are inverted."""
LEAST_PEOPLE = 3
"""Who want a product, for it to speak: what fewer want tells of these people, and there are many such products."""
BLOCK = 512

Dense = NDArray[np.float64] | NDArray[np.float32]
Blocks = Iterator[tuple[int, Dense]]
"""Rows of weights, by the number of the first."""


class Near(NamedTuple):
    """Items × k: item numbers, best first, `NOTHING` where there are fewer, and their scores."""

    items: Ints
    scores: Floats


def ease(interest: sparse.csr_array, shrinkage: float, count: int) -> Near:
    """Of each product the `count` it speaks for most; `interest` is people × products, not negative.

    What fewer than `LEAST_PEOPLE` want does not speak, and of more than `MOST_DENSE` products only those do that most want.
    """
    n_items = interest.shape[1]
    found = Near(np.full((n_items, count), NOTHING, dtype=np.int32), np.zeros((n_items, count), dtype=np.float32))
    wanted_by = np.bincount(interest.indices, minlength=n_items)
    chosen = np.argsort(-wanted_by, kind="stable")
    chosen = np.sort(chosen[: min(int((wanted_by >= LEAST_PEOPLE).sum()), _most(interest.shape[0]))])
    if not len(chosen):
        return found
    with threadpool_limits(limits=1):
        few = interest[:, chosen]
        rows = _by_people(few, shrinkage) if few.shape[0] < len(chosen) else _by_items(few, shrinkage)
        for first, weights in rows:
            _keep_best(weights, first, chosen, found)
    return found


def _most(people: int) -> int:
    fewer = 0 < people <= MOST_DENSE and people < MOST_CELLS // people
    return MOST_CELLS // people if fewer else MOST_DENSE


def _by_items(interest: sparse.csr_array, shrinkage: float) -> Blocks:
    inverse = _inverse(_with_itself(interest.T.tocsr(), interest, shrinkage))
    scale = np.diagonal(inverse).copy()
    for first in range(0, len(inverse), BLOCK):
        yield first, -inverse[first : first + BLOCK] / scale


def _by_people(interest: sparse.csr_array, shrinkage: float) -> Blocks:
    inverse = _inverse(_with_itself(interest, interest.T.tocsr(), shrinkage))
    narrow = interest.astype(np.float32).toarray()  # half of the time and memory for the largest product
    solved, scale = np.empty_like(narrow), np.empty(narrow.shape[1], dtype=np.float32)
    columns = interest.tocsc()
    for first in range(0, len(scale), BLOCK):
        some = slice(first, first + BLOCK)
        wide = columns[:, some].toarray()
        exact = inverse @ wide
        scale[some] = 1.0 - np.einsum("pi,pi->i", wide, exact)
        solved[:, some] = exact
    del inverse, columns
    for first in range(0, len(scale), BLOCK):
        yield first, (narrow[:, first : first + BLOCK].T @ solved) / scale


def _with_itself(rows: sparse.csr_array, transposed: sparse.csr_array, shrinkage: float) -> NDArray[np.float64]:
    """AA' + λI, dense. By blocks of rows: as one sparse product it takes half as much again beside the result."""
    found = np.empty((rows.shape[0], rows.shape[0]))
    for first in range(0, len(found), BLOCK):
        found[first : first + BLOCK] = (rows[first : first + BLOCK] @ transposed).toarray()
    found[np.diag_indices(len(found))] += shrinkage
    return found


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of a symmetric positive definite one, in its own memory: by Cholesky, which takes half of the time of any other."""
    factor, failed = lapack.dpotrf(matrix.T, lower=0, overwrite_a=1)
    if not failed:
        inverse, failed = lapack.dpotri(factor, lower=0, overwrite_c=1)
    if failed:
        raise NotEnoughData(
            "the interests of people cannot be told apart: EASE^R has no solution; set lists.ease_neighbours to 0"
        )
    lower: NDArray[np.float64] = inverse.T  # of LAPACK's upper triangle, rows one after another in memory
    for first in range(0, len(lower), BLOCK):
        some = slice(first, first + BLOCK)
        lower[:first, some] = lower[some, :first].T
        corner = np.tril(lower[some, some])
        lower[some, some] = corner + np.tril(corner, -1).T
    return lower


def _keep_best(weights: Dense, first: int, chosen: NDArray[np.intp], found: Near) -> None:
    """Fills the rows of the products `chosen[first]`, …; equal weights go by number, and what speaks against is left out."""
    own = np.arange(len(weights))
    weights = weights.astype(np.float32, copy=False)
    weights[own, first + own] = 0.0
    count = min(found.items.shape[1], weights.shape[1])
    best = np.argpartition(-weights, count - 1, axis=1)[:, :count]
    values = np.take_along_axis(weights, best, axis=1)
    order = np.lexsort((best, -values), axis=1)
    best, values = np.take_along_axis(best, order, axis=1), np.take_along_axis(values, order, axis=1)
    speaks = values > 0
    found.items[chosen[first + own], :count] = np.where(speaks, chosen[best], NOTHING)
    found.scores[chosen[first + own], :count] = np.where(speaks, values, 0.0)
