"""The files of a model's generation, and what its manifest says. Needs no LightGBM."""

from msgspec import Struct

MODEL_FILE, MANIFEST_FILE = "model.txt", "manifest.json"


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What a model was made from: its features in order, the data's range (ms), what it scored, and on which code."""

    kind: str
    features: tuple[str, ...]
    rows: int
    from_ms: int
    until_ms: int
    metrics: dict[str, float]
    code_version: str
