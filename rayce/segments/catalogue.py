"""The segment catalogue: YAML in, checked and compiled segments out."""

from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

from rayce.errors import InvalidCatalogue
from rayce.event import BEHAVIOUR
from rayce.refusals import UNREADABLE, value_at, where
from rayce.segments.rules import Test, compile_rule

MAX_BIT = 1023
MAX_TTL_S = 366 * 86_400

Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]


class Segment(Struct, frozen=True, forbid_unknown_fields=True):
    """One segment. `bit` is permanent and never reused; `triggers` are the event types that can change membership."""

    name: Name
    bit: Annotated[int, Meta(ge=0, le=MAX_BIT)]
    kind: Literal["rule", "model"]
    triggers: tuple[str, ...]
    description: str = ""
    when: dict[str, Any] | None = None
    model: Name | None = None
    threshold: float = 0.5
    ttl_s: Annotated[int, Meta(ge=1, le=MAX_TTL_S)] | None = None


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    segments: list[Segment]
    retired_bits: tuple[int, ...] = ()


class Catalogue:
    """Checked segments, by name and by bit, with each rule's compiled test. `version` is `<file version>-<content hash>`."""

    def __init__(self, version: str, segments: tuple[Segment, ...], tests: dict[str, Test]) -> None:
        self.version = version
        self.segments = segments
        self.tests = tests
        self.names = {segment.bit: segment.name for segment in segments}
        self.triggered = {
            kind: tuple(segment for segment in segments if kind in segment.triggers) for kind in BEHAVIOUR
        }
        self.models = tuple(sorted({segment.model for segment in segments if segment.model}))


def load_catalogue(path: str | Path | None = None) -> Catalogue:
    """The catalogue of a file, or the one that comes with rayce. `InvalidCatalogue` names file, key and value."""
    source = Path(path) if path else files("rayce.segments") / "starter.yaml"
    try:
        return parse_catalogue(source.read_text(encoding="utf-8"))
    except InvalidCatalogue as error:
        raise InvalidCatalogue(f"{source}: {error}", error.key, error.value) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidCatalogue(f"{source}: {error}", "segments.catalogue", str(source)) from None


def parse_catalogue(text: str) -> Catalogue:
    """The catalogue in a YAML text."""
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidCatalogue(f"not YAML: {error}", "", None) from None
    try:
        file = msgspec.convert(tree, _File)
    except UNREADABLE as error:
        path, message = where(str(error))
        key = path.removeprefix("$.")
        raise InvalidCatalogue(f"{key}: {message}", key, value_at(tree, path)) from None
    taken: dict[object, str] = dict.fromkeys(file.retired_bits, "a retired segment")
    tests: dict[str, Test] = {}
    for i, segment in enumerate(file.segments):
        key = f"segments[{i}]"
        for identity, at in ((segment.bit, "bit"), (segment.name, "name")):
            if identity in taken:
                raise InvalidCatalogue(
                    f"{key}.{at}: {identity!r} already belongs to {taken[identity]}", f"{key}.{at}", identity
                )
            taken[identity] = segment.name
        _check(segment, key)
        if segment.when is not None:
            tests[segment.name] = compile_rule(segment.when, f"{key}.when")
    digest = blake2b(msgspec.json.encode(file), digest_size=4).hexdigest()
    return Catalogue(f"{file.version}-{digest}", tuple(file.segments), tests)


def _check(segment: Segment, key: str) -> None:
    for trigger in segment.triggers:
        if trigger not in BEHAVIOUR:
            raise InvalidCatalogue(f"{key}.triggers: unknown event type `{trigger}`", f"{key}.triggers", trigger)
    if not segment.triggers:
        raise InvalidCatalogue(f"{key}.triggers: `{segment.name}` could never change", f"{key}.triggers", [])
    if segment.kind == "rule" and segment.when is None:
        raise InvalidCatalogue(f"{key}.when: `{segment.name}` is a rule without one", f"{key}.when", None)
    if segment.kind == "rule" and segment.model is not None:
        raise InvalidCatalogue(f"{key}.model: `{segment.name}` is a rule, not a model", f"{key}.model", segment.model)
    if segment.kind == "model" and segment.model is None:
        raise InvalidCatalogue(f"{key}.model: `{segment.name}` names no model", f"{key}.model", None)
    if segment.kind == "model" and segment.when is not None:
        raise InvalidCatalogue(f"{key}.when: `{segment.name}` is a model, not a rule", f"{key}.when", segment.when)
