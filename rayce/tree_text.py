"""LightGBM's model text as trees: nodes with their masks, and leaves from left to right. Needs no LightGBM.

Only what `rayce.trees` can score: plain comparisons, one score, at most 64 leaves.
"""

from collections.abc import Iterator
from itertools import starmap
from typing import NamedTuple

import numpy as np

MAX_LEAVES = 64
"""Leaves of a tree: bits of a mask."""
ALL_LEAVES = (1 << MAX_LEAVES) - 1

_NEARLY_ZERO = float(np.float32(1e-35))
"""Values no farther from zero are zero to LightGBM (`kZeroThreshold`)."""
_HUGE = float(np.finfo(np.float64).max)
_CATEGORICAL, _DEFAULT_LEFT, _MISSING = 1, 2, 12
_MISSING_IS_NONE, _MISSING_IS_NAN = 0, 8
"""Of LightGBM's `decision_type`."""


class Node(NamedTuple):
    """Feature, what stands for a missing value, threshold, and all leaves but those of the left subtree."""

    feature: int
    fill: float
    threshold: float
    mask: int


class Tree(NamedTuple):
    """Inner nodes, at least one, and the leaves' values."""

    nodes: list[Node]
    leaves: list[float]
    """From left to right."""


_ALWAYS = Node(0, 0.0, np.inf, ALL_LEAVES)
"""Stands in a tree that is a single leaf: no tree is without a node."""


def read_trees(text: str, most: int | None) -> list[Tree]:
    """The first `most` trees (None: all). `KeyError`, `ValueError`, `IndexError` or `OverflowError` where it cannot be."""
    return [_tree(said) for said in _sections(text, most)]


def _sections(text: str, most: int | None) -> Iterator[dict[str, str]]:
    """What the text says of each tree, by name."""
    head, *trees = text.partition("end of trees")[0].split("\nTree=")
    said = _fields(head)
    if said["num_class"] != "1" or said["num_tree_per_iteration"] != "1" or "average_output" in said:
        raise ValueError("it has several scores, or averages")
    return map(_fields, trees[:most])


def _fields(section: str) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in section.splitlines())}


def _tree(said: dict[str, str]) -> Tree:
    values = [float(value) for value in said["leaf_value"].split()]
    if len(values) > MAX_LEAVES or said["num_cat"] != "0" or said.get("is_linear", "0") != "0":
        raise ValueError("a tree has too many leaves, categories or linear leaves")
    thresholds = [_beside_zero(float(value)) for value in said["threshold"].split()]
    if not np.isfinite(values).all() or not all(-_HUGE < limit < _HUGE or limit == np.inf for limit in thresholds):
        raise ValueError("a threshold or a leaf is no number")
    if len(values) == 1:
        return Tree([_ALWAYS], values)
    masks, order = _arranged(_whole(said["left_child"]), _whole(said["right_child"]), len(values))
    if sorted(order) != list(range(len(values))):
        raise ValueError("a tree names a leaf twice")
    fills = [_fill(decision) for decision in _whole(said["decision_type"])]
    thresholds = [min(limit, ceiling_of(fill)) for limit, fill in zip(thresholds, fills, strict=True)]
    split = _whole(said["split_feature"])
    if min(split) < 0:
        raise ValueError("a split is on no feature")
    nodes = list(starmap(Node, zip(split, fills, thresholds, masks, strict=True)))
    return Tree(nodes, [values[leaf] for leaf in order])


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
        masks[node] = ALL_LEAVES & ~(((1 << ones) - 1) << first[node])
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


def ceiling_of(fill: float) -> float:
    """Where what is missing is infinite nothing else may be: LightGBM splits it from all others by an infinite threshold."""
    return _HUGE if fill == np.inf else np.inf


def _whole(values: str) -> list[int]:
    return [int(value) for value in values.split()]
