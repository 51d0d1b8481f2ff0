"""LightGBM's trees as flat arrays in which a row's leaf is found by comparing and masking, without branches.

QuickScorer (Lucchese et al., SIGIR 2015, section 3): a tree's leaves are numbered from left to right, and every inner node has
a mask without the leaves of its left subtree. A row starts with all leaves; each node whose condition `value <= threshold` is
false takes its mask's missing leaves away; the leftmost that is left is the row's leaf. Scores are summed tree by tree in
float64, in LightGBM's order, so that they are those of `Booster.predict(raw_score=True)` to the bit. Needs NumPy only.
"""

from collections.abc import Iterator, Sequence
from itertools import starmap
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.errors import InvalidArtifact

MAX_LEAVES = 64
"""Leaves of a tree: bits of a mask."""

DE_BRUIJN, SLOT_SHIFT = 0x03F79D71B4CB0A89, 58
"""The lowest bit of a word times this, shifted, is another slot for each of the 64 bits (Leiserson, Prokop & Randall, "Using
de Bruijn sequences to index a 1 in a computer word", 1998)."""

_WORD = (1 << MAX_LEAVES) - 1
_NEARLY_ZERO = float(np.float32(1e-35))
"""Values no farther from zero are zero to LightGBM (`kZeroThreshold`)."""
_CATEGORICAL, _DEFAULT_LEFT, _MISSING = 1, 2, 12
_MISSING_IS_NONE, _MISSING_IS_NAN = 0, 8
"""Of LightGBM's `decision_type`."""

Scores = NDArray[np.float64]


class Trees(NamedTuple):
    """The trees of a model of one raw score.

    `feature` and `fill` are by column: which feature it is, and what stands for a missing value there, so that it goes where
    the trees send it. `column`, `threshold` and `mask` are by inner node; tree t has the nodes `start[t]` to `start[t + 1]`,
    and `leaf[t]` its leaves' values by slot.
    """

    feature: NDArray[np.intp]
    fill: Scores
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
            return _assembled([_tree(fields) for fields in _sections(text, most)])
        except (KeyError, ValueError, IndexError, OverflowError) as error:
            raise InvalidArtifact(f"the trees cannot be read: {error}", "model.txt", None) from None

    def columns(self, rows: Scores) -> Scores:
        """Columns × rows, in one piece, without missing values, of rows × features."""
        found = rows.T[self.feature]
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
        kept = np.where(false, self.mask[:, None], np.uint64(_WORD))
        left = np.bitwise_and.reduceat(kept, self.start[:-1], axis=0)
        slots = ((left & -left) * np.uint64(DE_BRUIJN)) >> np.uint64(SLOT_SHIFT)
        for value in self.leaf[np.arange(len(self.leaf))[:, None], slots.astype(np.intp)]:
            scores += value
        return scores


class _Node(NamedTuple):
    feature: int
    fill: float
    threshold: float
    mask: int


class _Tree(NamedTuple):
    nodes: list[_Node]
    leaves: list[float]
    """From left to right."""


_ALWAYS = _Node(0, 0.0, np.inf, _WORD)
"""Stands in a tree that is a single leaf: no tree is without a node."""


def _sections(text: str, most: int | None) -> Iterator[dict[str, str]]:
    """What the text says of each tree, by name."""
    head, *trees = text.partition("end of trees")[0].split("\nTree=")
    said = _fields(head)
    if said["num_class"] != "1" or said["num_tree_per_iteration"] != "1" or "average_output" in said:
        raise ValueError("it has several scores, or averages")
    return map(_fields, trees[:most])


def _fields(section: str) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in section.splitlines())}


def _tree(said: dict[str, str]) -> _Tree:
    values = [float(value) for value in said["leaf_value"].split()]
    if len(values) > MAX_LEAVES or said["num_cat"] != "0" or said.get("is_linear", "0") != "0":
        raise ValueError("a tree has too many leaves, categories or linear leaves")
    thresholds = [_beside_zero(float(value)) for value in said["threshold"].split()]
    if not np.isfinite([*values, *thresholds]).all():
        raise ValueError("a threshold or a leaf is no number")
    if len(values) == 1:
        return _Tree([_ALWAYS], values)
    masks, order = _arranged(_whole(said["left_child"]), _whole(said["right_child"]), len(values))
    if sorted(order) != list(range(len(values))):
        raise ValueError("a tree names a leaf twice")
    fills = [_fill(decision) for decision in _whole(said["decision_type"])]
    split = _whole(said["split_feature"])
    if min(split) < 0:
        raise ValueError("a split is on no feature")
    nodes = list(starmap(_Node, zip(split, fills, thresholds, masks, strict=True)))
    return _Tree(nodes, [values[leaf] for leaf in order])


def _arranged(left: list[int], right: list[int], leaves: int) -> tuple[list[int], list[int]]:
    """By node its mask, and the leaves from left to right. A child is a later node, or the complement of a leaf's number."""
    size = [0] * (leaves - 1)
    for node in reversed(range(leaves - 1)):
        if any(0 <= child <= node for child in (left[node], right[node])):
            raise ValueError("a tree's node comes before its parent")
        size[node] = sum(size[child] if child >= 0 else 1 for child in (left[node], right[node]))
    if size[0] != leaves:
        raise ValueError("a tree's nodes and leaves do not go together")
    first, masks, order = [0] * (leaves - 1), [0] * (leaves - 1), [-1] * leaves
    for node, (one, other) in enumerate(zip(left, right, strict=True)):
        ones = size[one] if one >= 0 else 1
        masks[node] = _WORD & ~(((1 << ones) - 1) << first[node])
        for child, place in ((one, first[node]), (other, first[node] + ones)):
            if child >= 0:
                first[child] = place
            else:
                order[place] = ~child
    return masks, order


def _beside_zero(threshold: float) -> float:
    """The threshold that sends every value the way on which LightGBM sends it after it took tiny ones for zero."""
    if abs(threshold) > _NEARLY_ZERO:
        return threshold
    return _NEARLY_ZERO if threshold >= 0 else float(np.nextafter(-_NEARLY_ZERO, -np.inf))


def _fill(decision: int) -> float:
    """What goes the way of a missing value: left is below every threshold, right above; 0 where LightGBM takes it for 0."""
    missing = decision & _MISSING
    if decision & _CATEGORICAL or missing not in (_MISSING_IS_NONE, _MISSING_IS_NAN):
        raise ValueError("a split is no plain comparison")
    if missing == _MISSING_IS_NONE:
        return 0.0
    return -np.inf if decision & _DEFAULT_LEFT else np.inf


def _assembled(trees: Sequence[_Tree]) -> Trees:
    nodes = [node for tree in trees for node in tree.nodes]
    columns = sorted({(node.feature, node.fill) for node in nodes})
    number = {column: n for n, column in enumerate(columns)}
    leaf = np.zeros((len(trees), MAX_LEAVES))
    for row, tree in zip(leaf, trees, strict=True):
        for place, value in enumerate(tree.leaves):
            row[((DE_BRUIJN << place) & _WORD) >> SLOT_SHIFT] = value
    return Trees(
        feature=np.array([feature for feature, _fill in columns], dtype=np.intp),
        fill=np.array([fill for _feature, fill in columns], dtype=np.float64),
        column=np.array([number[node.feature, node.fill] for node in nodes], dtype=np.int32),
        threshold=np.array([node.threshold for node in nodes], dtype=np.float64),
        mask=np.array([node.mask for node in nodes], dtype=np.uint64),
        start=np.cumsum([0, *(len(tree.nodes) for tree in trees)], dtype=np.int32),
        leaf=leaf,
    )


def _whole(values: str) -> list[int]:
    return [int(value) for value in values.split()]
