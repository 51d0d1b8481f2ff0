"""The files of a model's generation, and what its manifest says. Needs no LightGBM."""

from collections.abc import Sequence
from hashlib import blake2b

from msgspec import Struct

MODEL_FILE, MANIFEST_FILE = "model.txt", "manifest.json"


class Manifest(Struct, frozen=True):
    """What a model was made from: its features in order, the data's range (ms), what it scored, and on which code.

    Fields are only ever added, with a default, and what a newer version says is passed over. `features_hash` is of the list of
    features. `held_out_ms` is the range on which it was checked. `rows_of` counts the rows by where they come from.
    `thresholds` are those that were chosen for what a segment declares, by its name for that (`rayce.segments.aim`).
    """

    kind: str
    features: tuple[str, ...]
    rows: int
    from_ms: int
    until_ms: int
    metrics: dict[str, float]
    code_version: str
    features_hash: str = ""
    held_out_ms: tuple[int, int] = (0, 0)
    rows_of: dict[str, int] = {}
    thresholds: dict[str, float] = {}


def hash_of(features: Sequence[str]) -> str:
    """Equal for equal features in equal order.

    >>> hash_of(["a", "b"]) == hash_of(["a", "b"]) != hash_of(["b", "a"])
    True
    """
    return blake2b("\n".join(features).encode(), digest_size=16).hexdigest()
