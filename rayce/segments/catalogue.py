"""The segment catalogue: YAML in, checked and compiled segments out."""

import math
from collections.abc import Mapping
from functools import cached_property
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml
from msgspec import UNSET, Meta, Struct

from rayce.batch_segments.definition import Definition, parse_section
from rayce.batch_segments.order import check_seeds
from rayce.errors import InvalidCatalogue
from rayce.event import BEHAVIOUR
from rayce.features.feature_set import ALL, FeatureSet
from rayce.refusals import UNREADABLE, value_at, where
from rayce.segments.aim import Aim
from rayce.segments.compiled import Test, compile_rule
from rayce.segments.expression import Rule
from rayce.segments.listing import Listing
from rayce.segments.plan import Plan, make_plan
from rayce.segments.rules import Place, nodes, parse_rule
from rayce.segments.segment import MAX_BIT, MAX_TTL_S, Segment
from rayce.yaml_tree import NOT_YAML, BoundedLoader

__all__ = ["MAX_BIT", "MAX_TTL_S", "Catalogue", "Segment", "load_catalogue", "parse_catalogue"]

NOTHING_BUILT: Mapping[str, Definition] = {}
MAX_FILE_NODES = 200_000
"""Maps and lists of a whole file: YAML can express trees without end."""


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=0, le=2**53)]
    segments: list[Segment]
    retired_bits: tuple[Annotated[int, Meta(ge=0, le=MAX_BIT)], ...] = ()


class Catalogue:
    """Checked segments, by name and by bit, with each rule's expression. `version` is `<file version>-<content hash>`."""

    def __init__(
        self,
        version: str,
        segments: tuple[Segment, ...],
        rules: Mapping[str, Rule],
        retired: frozenset[int],
        features: FeatureSet = ALL,
        batch: Mapping[str, Definition] = NOTHING_BUILT,
    ) -> None:
        self.version = version
        self.segments = segments
        self.rules = rules
        self.retired = retired
        self.features = features
        self.batch = batch
        """By name, the segments that `jobs.build_segments` works out."""
        self.names = {segment.bit: segment.name for segment in segments}
        self.by_name = {segment.name: segment for segment in segments}
        self.triggered = {
            kind: tuple(segment for segment in segments if kind in segment.triggers) for kind in BEHAVIOUR
        }
        self.plans: dict[str, Plan] = {
            kind: make_plan(some, rules, features) for kind, some in self.triggered.items() if some
        }
        self.listed_bits = tuple(sorted(segment.bit for segment in segments if segment.listed))
        self.listed_mask = sum(1 << bit for bit in self.listed_bits)
        self.models = tuple(sorted({segment.model for segment in segments if segment.model}))
        self.aims = {
            model: tuple(
                dict.fromkeys(s.threshold for s in segments if s.model == model and isinstance(s.threshold, Aim))
            )
            for model in self.models
        }
        """By model, what its segments want a threshold chosen for."""

    def listing(self, tenant: str) -> Listing | None:
        """The lists to be kept of a tenant's people; None where no segment has one."""
        return Listing(tenant, self.listed_bits) if self.listed_bits else None

    @cached_property
    def tests(self) -> dict[str, Test]:
        """Each rule by itself, compiled."""
        return {name: compile_rule(rule, self.features) for name, rule in self.rules.items()}


def load_catalogue(path: str | Path | None = None, features: FeatureSet = ALL) -> Catalogue:
    """The catalogue of a file, or the one that comes with rayce. `InvalidCatalogue` names file, key and value."""
    source = Path(path) if path else files("rayce.segments") / "starter.yaml"
    try:
        return parse_catalogue(source.read_text(encoding="utf-8"), features)
    except InvalidCatalogue as error:
        raise InvalidCatalogue(f"{source}: {error}", error.key, error.value) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidCatalogue(f"{source}: {error}", "segments.catalogue", str(source)) from None


def parse_catalogue(text: str, features: FeatureSet = ALL) -> Catalogue:
    """The catalogue in a YAML text; rules may name the `features` that are on."""
    file = _read(text)
    places = {segment.name: Place(segment.bit, segment.ttl_s is not None) for segment in file.segments}
    rules = {
        segment.name: parse_rule(segment.when, f"segments[{i}].when", places, features)
        for i, segment in enumerate(file.segments)
        if segment.when is not None
    }
    batch = {
        segment.name: parse_section(segment.batch, f"segments[{i}].batch", places, features)
        for i, segment in enumerate(file.segments)
        if segment.batch is not UNSET
    }
    check_seeds(batch, {segment.name: f"segments[{i}].batch" for i, segment in enumerate(file.segments)})
    return _made(file, rules, features, batch)


def parse_identities(text: str) -> Catalogue:
    """The same without rules, whatever they say: for comparing what bits mean, not for evaluating anything."""
    return _made(_read(text), {}, ALL)


def _made(
    file: _File, rules: Mapping[str, Rule], features: FeatureSet, batch: Mapping[str, Definition] = NOTHING_BUILT
) -> Catalogue:
    digest = blake2b(msgspec.json.encode(file), digest_size=4).hexdigest()
    version, retired = f"{file.version}-{digest}", frozenset(file.retired_bits)
    return Catalogue(version, tuple(file.segments), rules, retired, features, batch)


def _read(text: str) -> _File:
    try:
        tree = yaml.load(text, BoundedLoader)  # a SafeLoader
    except NOT_YAML as error:
        raise InvalidCatalogue(f"not YAML: {type(error).__name__}: {error}", "", None) from None
    if nodes(tree, MAX_FILE_NODES) > MAX_FILE_NODES:
        raise InvalidCatalogue(f"more than {MAX_FILE_NODES} nodes", "", None)
    try:
        file = msgspec.convert(tree, _File)
    except UNREADABLE as error:
        path, message = where(str(error))
        key = path.removeprefix("$.")
        raise InvalidCatalogue(f"{key}: {message}", key, value_at(tree, path)) from None
    _check_identities(file)
    for i, segment in enumerate(file.segments):
        _check(segment, f"segments[{i}]")
    return file


def _check_identities(file: _File) -> None:
    taken: dict[object, str] = dict.fromkeys(file.retired_bits, "a retired segment")
    for i, segment in enumerate(file.segments):
        key = f"segments[{i}]"
        for identity, at in ((segment.bit, "bit"), (segment.name, "name")):
            if identity in taken:
                raise InvalidCatalogue(
                    f"{key}.{at}: {identity!r} already belongs to {taken[identity]}", f"{key}.{at}", identity
                )
            taken[identity] = segment.name


_WANTED: dict[str, tuple[str, ...]] = {"rule": ("when",), "model": ("model",), "batch": ()}
"""By kind, which of `when` and `model` a segment has."""


def _check(segment: Segment, key: str) -> None:
    for trigger in segment.triggers:
        if trigger not in BEHAVIOUR:
            raise InvalidCatalogue(f"{key}.triggers: unknown event type `{trigger}`", f"{key}.triggers", trigger)
    if segment.kind == "batch" and segment.triggers:
        raise InvalidCatalogue(
            f"{key}.triggers: `{segment.name}` is set by jobs, no event triggers it",
            f"{key}.triggers",
            segment.triggers,
        )
    if segment.kind != "batch" and not segment.triggers:
        raise InvalidCatalogue(f"{key}.triggers: `{segment.name}` could never change", f"{key}.triggers", [])
    for part in ("when", "model"):
        value: Any = getattr(segment, part)
        if part in _WANTED[segment.kind] and value is None:
            raise InvalidCatalogue(
                f"{key}.{part}: `{segment.name}` is a {segment.kind} without one", f"{key}.{part}", None
            )
        if part not in _WANTED[segment.kind] and value is not None:
            raise InvalidCatalogue(
                f"{key}.{part}: `{segment.name}` is of the kind {segment.kind} and has none", f"{key}.{part}", value
            )
    if segment.kind != "batch" and segment.batch is not UNSET:
        raise InvalidCatalogue(
            f"{key}.batch: `{segment.name}` is of the kind {segment.kind} and has none", f"{key}.batch", segment.kind
        )
    if segment.listed and segment.ttl_s is not None:
        raise InvalidCatalogue(
            f"{key}.listed: `{segment.name}` is short-lived: its members leave by time alone, which no list can follow",
            f"{key}.listed",
            True,
        )
    _check_threshold(segment, key)


def _check_threshold(segment: Segment, key: str) -> None:
    if isinstance(segment.threshold, Aim):
        if segment.kind != "model" or not segment.threshold.exact:
            raise InvalidCatalogue(
                f"{key}.threshold: a number, or for a model either a `precision` or a `size`",
                f"{key}.threshold",
                segment.threshold.key if segment.threshold.exact else None,
            )
    elif not math.isfinite(segment.threshold):
        raise InvalidCatalogue(
            f"{key}.threshold: a number, not {segment.threshold}", f"{key}.threshold", str(segment.threshold)
        )
