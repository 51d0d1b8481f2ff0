"""How the parts of a score are weighed: by trees that were learned from this shop, or by fixed weights until there are."""

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayce.lists.parts import FIXED, PARTS
from rayce.trees import Trees

LEARNED, BY_HAND = "learned", "fixed"


class Origin(Struct, frozen=True):
    """Where the weights come from; `until_ms` is the end of the history that they were learned from, moments are cuts."""

    kind: str = BY_HAND
    until_ms: int = 0
    cuts_ms: tuple[int, ...] = ()
    window_ms: int = 0
    people: int = 0
    rows: int = 0
    metrics: dict[str, float] = {}
    gain: dict[str, float] = {}
    """By part, its share of what the trees gain."""


class Weights(NamedTuple):
    """What the kernel reads: trees (see `rayce.trees`; fewer than two starts: none), or a weight for each part."""

    fixed: NDArray[np.float64]
    feature: NDArray[np.intp]
    ceiling: NDArray[np.float64]
    column: NDArray[np.int32]
    threshold: NDArray[np.float64]
    mask: NDArray[np.uint64]
    start: NDArray[np.int32]
    leaf: NDArray[np.float64]


class Blend(Struct, frozen=True):
    """A LightGBM model's text (empty: fixed weights), and where it comes from."""

    text: str = ""
    origin: Origin = Origin()

    def weights(self) -> Weights:
        """As the kernel reads it. `InvalidArtifact` where the text is damaged."""
        trees = Trees.from_text(self.text) if self.text else _NO_TREES
        fixed = np.array([0.0 if self.text else FIXED.get(part, 0.0) for part in PARTS])
        return Weights(fixed, trees.feature, trees.ceiling, *trees[3:])


_NO_TREES = Trees(
    feature=np.zeros(0, dtype=np.intp),
    fill=np.zeros(0),
    ceiling=np.zeros(0),
    column=np.zeros(0, dtype=np.int32),
    threshold=np.zeros(0),
    mask=np.zeros(0, dtype=np.uint64),
    start=np.zeros(1, dtype=np.int32),
    leaf=np.zeros((0, 64)),
)
