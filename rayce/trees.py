"""LightGBM's trees as flat arrays in which a row's leaf is found by comparing and masking, without branches.

QuickScorer (Lucchese et al., SIGIR 2015, section 3): a tree's leaves are numbered from left to right, and every inner node has
a mask without the leaves of its left subtree. A row starts with all leaves; each node whose condition `value <= threshold` is
false takes its mask's missing leaves away; the leftmost that is left is the row's leaf. Scores are summed tree by tree in
float64, in LightGBM's order, so that they are those of `Booster.predict(raw_score=True)` to the bit. Needs NumPy only.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.errors import InvalidArtifact
from rayce.tree_text import ALL_LEAVES, MAX_LEAVES, Tree, ceiling_of, read_trees

DE_BRUIJN, SLOT_SHIFT = 0x03F79D71B4CB0A89, 58
"""The lowest bit of a word times this, shifted, is another slot for each of the 64 bits (Leiserson, Prokop & Randall, "Using
de Bruijn sequences to index a 1 in a computer word", 1998)."""

Scores = NDArray[np.float64]


class Trees(NamedTuple):
    """The trees of a model of one raw score.

    `feature`, `fill` and `ceiling` are by column: which feature it is, what stands for a missing value there, so that it goes
    where the trees send it, and how large its other values are at most. `column`, `threshold` and `mask` are by inner node;
    tree t has the nodes `start[t]` to `start[t + 1]`, and `leaf[t]` its leaves' values by slot.
    """

    feature: NDArray[np.intp]
    fill: Scores
    ceiling: Scores
    column: NDArray[np.int32]
    threshold: Scores
    mask: NDArray[np.uint64]
    start: NDArray[np.int32]
    leaf: Scores

    @classmethod
    def from_text(cls, text: str, most: int | None = None) -> "Trees":
        """The first `most` trees (None: all) of LightGBM's model text.

        `InvalidArtifact` where it is damaged, and where it has what is not understood here: categories, zero as missing,
        linear leaves, several classes, averaged trees, more than 64 leaves.
        """
        try:
            return _assembled(read_trees(text, most))
        except (KeyError, ValueError, IndexError, OverflowError) as error:
            raise InvalidArtifact(f"the trees cannot be read: {error}", "model.txt", None) from None

    def columns(self, rows: Scores) -> Scores:
        """Columns × rows, in one piece, without missing values, of rows × features."""
        found = np.minimum(rows.T[self.feature], self.ceiling[:, None])
        missing = np.isnan(found)
        if missing.any():
            np.copyto(found, self.fill[:, None], where=missing)
        return found

    def score_many(self, rows: Scores) -> Scores:
        """Raw scores of rows × features: for few trees and rows, as there is a number by node and row at a time."""
        scores = np.zeros(len(rows))
        if not len(self.leaf):
            return scores
        false = self.columns(rows)[self.column] > self.threshold[:, None]
        kept = np.where(false, self.mask[:, None], np.uint64(ALL_LEAVES))
        left = np.bitwise_and.reduceat(kept, self.start[:-1], axis=0)
        slots = ((left & -left) * np.uint64(DE_BRUIJN)) >> np.uint64(SLOT_SHIFT)
        for value in self.leaf[np.arange(len(self.leaf))[:, None], slots.astype(np.intp)]:
            scores += value
        return scores


def _assembled(trees: Sequence[Tree]) -> Trees:
    nodes = [node for tree in trees for node in tree.nodes]
    columns = sorted({(node.feature, node.fill) for node in nodes})
    number = {column: n for n, column in enumerate(columns)}
    leaf = np.zeros((len(trees), MAX_LEAVES))
    for row, tree in zip(leaf, trees, strict=True):
        for place, value in enumerate(tree.leaves):
            row[((DE_BRUIJN << place) & ALL_LEAVES) >> SLOT_SHIFT] = value
    return Trees(
        feature=np.array([feature for feature, _missing in columns], dtype=np.intp),
        fill=np.array([fill for _feature, fill in columns], dtype=np.float64),
        ceiling=np.array([ceiling_of(fill) for _feature, fill in columns], dtype=np.float64),
        column=np.array([number[node.feature, node.fill] for node in nodes], dtype=np.int32),
        threshold=np.array([node.threshold for node in nodes], dtype=np.float64),
        mask=np.array([node.mask for node in nodes], dtype=np.uint64),
        start=np.cumsum([0, *(len(tree.nodes) for tree in trees)], dtype=np.int32),
        leaf=leaf,
    )
