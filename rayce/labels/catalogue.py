"""The catalogue of labels: YAML in, checked labels out, by the name of the model that learns each."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from rayce.errors import InvalidCatalogue, InvalidDocument
from rayce.event import BEHAVIOUR
from rayce.labels.label import ANY, Label
from rayce.segments.segment import Name
from rayce.yaml_tree import read_yaml


class _Entry(Label, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Name


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=1, le=1)]
    labels: Annotated[list[_Entry], Meta(min_length=1, max_length=100)]


Labels = Mapping[str, Label]


def load_labels(path: str | Path | None = None) -> Labels:
    """The labels of a file, or those that come with rayce. `InvalidCatalogue` names file, key and value."""
    source = Path(path) if path else files("rayce.labels") / "starter.yaml"
    try:
        return parse_labels(source.read_text(encoding="utf-8"))
    except InvalidCatalogue as error:
        raise InvalidCatalogue(f"{source}: {error}", error.key, error.value) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidCatalogue(f"{source}: {error}", "segments.labels", str(source)) from None


def parse_labels(text: str) -> Labels:
    """The labels of a YAML text."""
    try:
        file = read_yaml(text, _File)
    except InvalidDocument as error:
        raise InvalidCatalogue(str(error), error.key, error.value) from None
    found: dict[str, Label] = {}
    for i, entry in enumerate(file.labels):
        key = f"labels[{i}]"
        if entry.name in found:
            raise InvalidCatalogue(f"{key}.name: `{entry.name}` is there twice", f"{key}.name", entry.name)
        _check(entry, key)
        found[entry.name] = Label(**{name: getattr(entry, name) for name in Label.__struct_fields__})
    return found


def _check(label: Label, key: str) -> None:
    if label.event == ANY:
        return
    if not label.types:
        raise InvalidCatalogue(f"{key}.event: no event type", f"{key}.event", list(label.types))
    for kind in sorted(label.types):
        if kind not in BEHAVIOUR:
            raise InvalidCatalogue(f"{key}.event: unknown event type `{kind}`", f"{key}.event", kind)
