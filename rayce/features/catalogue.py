"""The catalogue of features: YAML in, the families that are on out.

`version: 1` and `families: [windows, decaying, …]`. What is always on may be named, in any order; the order in which families
are folded is fixed, so two catalogues that name the same families give the same bytes.
"""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec
import yaml
from msgspec import Struct

from rayce.errors import InvalidCatalogue
from rayce.features.feature_set import ALWAYS, OPTIONAL, FeatureSet
from rayce.refusals import UNREADABLE, value_at, where
from rayce.yaml_tree import NOT_YAML, BoundedLoader

VERSION = 1
MAX_NAMES = 1_000
"""YAML's references can say more than any file holds."""


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    families: list[str]


def load_features(path: str | Path | None = None) -> FeatureSet:
    """The features of a file, or of the one that comes with rayce: all. `InvalidCatalogue` names file, key and value."""
    source = Path(path) if path else files("rayce.features") / "starter.yaml"
    try:
        return parse_features(source.read_text(encoding="utf-8"))
    except InvalidCatalogue as error:
        raise InvalidCatalogue(f"{source}: {error}", error.key, error.value) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidCatalogue(f"{source}: {error}", "features.catalogue", str(source)) from None


def parse_features(text: str) -> FeatureSet:
    """The features of a YAML text."""
    try:
        tree = yaml.load(text, BoundedLoader)  # a SafeLoader
    except NOT_YAML as error:
        raise InvalidCatalogue(f"not YAML: {type(error).__name__}: {error}", "", None) from None
    try:
        file = msgspec.convert(tree, _File)
    except UNREADABLE as error:
        path, message = where(str(error))
        key = path.removeprefix("$").removeprefix(".")
        raise InvalidCatalogue(f"{key or 'the file'}: {message}", key, value_at(tree, path)) from None
    _check(file.families)
    return FeatureSet(family for family in OPTIONAL if family.name in file.families)


def _check(names: Sequence[str]) -> None:
    known = [family.name for family in (*ALWAYS, *OPTIONAL)]
    if len(names) > MAX_NAMES:
        raise InvalidCatalogue(f"families: more than {MAX_NAMES} names", "families", len(names))
    for i, name in enumerate(names):
        key = f"families[{i}]"
        if name not in known:
            raise InvalidCatalogue(f"{key}: unknown family `{name[:64]}`; known: {', '.join(known)}", key, name[:64])
        if name in names[:i]:
            raise InvalidCatalogue(f"{key}: `{name}` is named twice", key, name)
