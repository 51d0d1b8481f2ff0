"""What a model's score depends on: between two of its split thresholds a feature may move without any effect.

So a row has the same score to the bit as another one whose every feature lies between the same thresholds, and need not be
scored again. Read from LightGBM's model text (`split_feature`, `threshold`, `decision_type` of each tree); where a model has
splits that are no plain `<=` (categories, zero as missing, linear leaves), the row itself is what the score depends on.
"""

import struct
from bisect import bisect_left
from collections.abc import Sequence
from hashlib import blake2b

CATEGORICAL, ZERO_IS_MISSING = 1, 4
"""Bits of LightGBM's `decision_type`."""
CHECKSUM_BYTES = 7
"""Fits into every kind of integer; two different inputs of a person are taken for one once in 10¹⁶ times."""


class ModelInputs:
    """Tells rows apart as one model does."""

    def __init__(self, text: str, features: int) -> None:
        self._key = blake2b(text.encode(), digest_size=16).digest()
        self._thresholds = _thresholds(text, features)

    def checksum(self, row: Sequence[float]) -> int:
        """Equal for rows that this very model scores alike; another model gives another number."""
        if self._thresholds is None:
            return checksum_of(row, self._key)
        places = [bisect_left(among, row[i]) if row[i] == row[i] else -1 for i, among in self._thresholds]
        digest = blake2b(struct.pack(f"{len(places)}i", *places), digest_size=CHECKSUM_BYTES, key=self._key)
        return int.from_bytes(digest.digest(), "big")


def checksum_of(row: Sequence[float], key: bytes = b"") -> int:
    """Equal for equal rows."""
    digest = blake2b(struct.pack(f"{len(row)}d", *row), digest_size=CHECKSUM_BYTES, key=key)
    return int.from_bytes(digest.digest(), "big")


def _thresholds(text: str, features: int) -> list[tuple[int, list[float]]] | None:
    """By feature that is split on, its thresholds in order; None where there are other kinds of splits."""
    found: list[set[float]] = [set() for _ in range(features)]
    split: list[str] = []
    for line in text.splitlines():
        name, _, values = line.partition("=")
        if name == "split_feature":
            split = values.split()
        elif name == "threshold":
            for feature, threshold in zip(split, values.split(), strict=True):
                found[int(feature)].add(float(threshold))
        elif (name == "decision_type" and any(int(v) & (CATEGORICAL | ZERO_IS_MISSING) for v in values.split())) or (
            name == "is_linear" and values.strip() == "1"
        ):
            return None
    return [(i, sorted(among)) for i, among in enumerate(found) if among]
