"""One documented, frozen settings tree: defaults, then one YAML file, then the environment; an unknown key is an error.

Only composition roots (mains and app builders) read it; everything else takes what it needs. The environment
names a knob by its path: `RAYCE_KAFKA__BOOTSTRAP=host:9092`. `RAYCE_SETTINGS` names the YAML file. Values from the
environment are read as YAML, so numbers, lists and maps work too.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, get_args, get_type_hints

import msgspec
import yaml
from msgspec import Meta, Struct, field

from rayce.batch_settings import BatchSettings
from rayce.edge_settings import ApiKey as ApiKey
from rayce.edge_settings import CacheSettings as CacheSettings
from rayce.edge_settings import CdnSettings as CdnSettings
from rayce.edge_settings import DecisionSettings as DecisionSettings
from rayce.edge_settings import EdgeSettings as EdgeSettings
from rayce.errors import InvalidSettings
from rayce.knobs import Hidden, Positive, knob
from rayce.lake.settings import LakeSettings
from rayce.lists.settings import ListSettings
from rayce.refusals import value_at, where
from rayce.store_settings import DynamoSettings as DynamoSettings
from rayce.store_settings import KafkaSettings as KafkaSettings
from rayce.store_settings import RedisSettings as RedisSettings

FILE_VARIABLE = "RAYCE_SETTINGS"
PREFIX = "RAYCE_"
MOVED = {"stream.workers": "stream.min_workers and stream.max_workers"}
"""Knobs of former versions, and what has taken their place."""
NO_KNOBS = (FILE_VARIABLE, "RAYCE_LOCAL_ROOT")
"""Variables of ours that name no knob."""


class PrivacySettings(Hidden, frozen=True, forbid_unknown_fields=True):
    """Pseudonyms and the allow-list. What is not listed never passes the edge."""

    current_key: Annotated[str, knob("Which of the keys makes new pseudonyms.")] = "k1"
    pseudonym_keys: Annotated[
        dict[str, str], knob("Secret keys by id, 64 hex digits each; old ones stay readable.")
    ] = field(default_factory=dict)
    context_fields: Annotated[tuple[str, ...], knob("Context fields that may be kept.")] = (
        "app_version",
        "browser",
        "country",
        "day_part",
        "device",
        "language",
        "page_type",
        "referrer",
        "slot",
    )
    property_fields: Annotated[tuple[str, ...], knob("Event properties that may be kept.")] = (
        "campaign",
        "coupon",
        "currency",
        "decision_id",
        "name",
        "position",
        "rating",
        "variant",
    )


class StreamSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The partition workers."""

    min_workers: Annotated[Positive, knob("Actors that the partitions are shared out to at the least.")] = 1
    max_workers: Annotated[
        Positive,
        knob("Actors at the most, when events pile up: one per core that can be spared; never more than partitions."),
    ] = 1
    scale_up_lag_events: Annotated[
        Positive, knob("More events than this waiting per worker, for `scale_after_s`, bring one more worker.")
    ] = 20_000
    scale_down_lag_events: Annotated[
        Positive,
        knob("Fewer events than this waiting per worker, for ten times `scale_after_s`, take one worker away."),
    ] = 1_000
    scale_after_s: Annotated[Positive, knob("How long the lag has to stay before the number of workers changes.")] = 10
    poll_max_records: Annotated[
        Positive, knob("Events folded between two writes to Redis: more is cheaper, fewer is sooner visible.")
    ] = 500
    gather_ms: Annotated[
        int,
        Meta(ge=0),
        knob(
            "After a fetch of few events, how long the next ones gather: less CPU an event, later visible by half of it."
        ),
    ] = 5
    flush_interval_ms: Annotated[
        Positive,
        knob(
            "How often changed profiles go to DynamoDB and changes of segments to their topic: shorter replays less and tells"
            " subscribers sooner, longer coalesces more."
        ),
    ] = 1_000
    max_dirty_users: Annotated[
        Positive, knob("Changed profiles that may wait for a store before the partition is paused.")
    ] = 20_000
    cached_users: Annotated[Positive, knob("Profiles a worker keeps in memory.")] = 100_000
    hang_timeout_s: Annotated[Positive, knob("A worker that has not beaten for this long is replaced.")] = 15
    dead_letter_limit: Annotated[
        Positive, knob("Of the last 10,000 events of a partition so many may be dead letters; one more halts it.")
    ] = 100


class ServingSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What a recommendation may contain."""

    suppress_purchased_s: Annotated[
        Positive, knob("How long a bought product stays away; short for groceries, long for furniture.")
    ] = 86_400
    candidates: Annotated[Positive, knob("Candidates ranked for one reply.")] = 200
    explore: Annotated[
        bool, knob("Whether one candidate in twenty may be a new item that nobody knows yet, so that it gets a chance.")
    ] = True
    generation_poll_s: Annotated[float, Meta(gt=0), knob("How soon a new generation is noticed.")] = 1.0
    live_sessions_rows: Annotated[
        int,
        Meta(ge=0, le=1_000_000),
        knob(
            "Products touched since the shelf was built that a ranker replica remembers of each tenant, by session, for what"
            " comes next; 0: it does not follow the events, and sessions are as old as the shelf."
        ),
    ] = 50_000
    live_sessions_s: Annotated[
        Positive, knob("How far back a ranker replica that starts reads the events, where the shelf is older.")
    ] = 3_600
    items_poll_s: Annotated[
        float,
        Meta(gt=0),
        knob(
            "How soon a change of the catalogue is noticed of which Kafka could not be told; each look reads all items."
        ),
    ] = 900.0


class SegmentSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The segment catalogue."""

    catalogue: Annotated[str | None, knob("Path of the catalogue; empty: the one that comes with rayce.")] = None
    labels: Annotated[
        str | None, knob("Path of the labels that the models of segments learn; empty: those that come with rayce.")
    ] = None


class FeatureSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The catalogue of features."""

    catalogue: Annotated[
        str | None, knob("Path of the catalogue of features, the same on every node; empty: all are on.")
    ] = None


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole tree."""

    redis: RedisSettings = field(default_factory=RedisSettings)
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    dynamodb: DynamoSettings = field(default_factory=DynamoSettings)
    edge: EdgeSettings = field(default_factory=EdgeSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    stream: StreamSettings = field(default_factory=StreamSettings)
    serving: ServingSettings = field(default_factory=ServingSettings)
    decisions: DecisionSettings = field(default_factory=DecisionSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    cdn: CdnSettings = field(default_factory=CdnSettings)
    segments: SegmentSettings = field(default_factory=SegmentSettings)
    features: FeatureSettings = field(default_factory=FeatureSettings)
    batch: BatchSettings = field(default_factory=BatchSettings)
    lake: LakeSettings = field(default_factory=LakeSettings)
    lists: ListSettings = field(default_factory=ListSettings)


def load_settings(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Defaults, then the YAML file (`path`, or `RAYCE_SETTINGS`), then the environment.

    Raises `InvalidSettings` naming the key and its value.
    """
    environ = os.environ if environ is None else environ
    source = path or environ.get(FILE_VARIABLE)
    tree = _read_yaml(Path(source)) if source else {}
    for name, text in sorted(environ.items()):
        if name.startswith(PREFIX) and name not in NO_KNOBS:
            _put(tree, name, text)
    _refuse_moved(tree)
    try:
        return msgspec.convert(tree, Settings)
    except (msgspec.ValidationError, RecursionError) as error:
        path_to, message = where(str(error))
        key = path_to.removeprefix("$").lstrip(".") or "(top level)"
        raise InvalidSettings(f"setting `{key}`: {message}", key, value_at(tree, path_to)) from None


def knobs(kind: type[Struct] = Settings, path: str = "") -> Iterator[tuple[str, object, str]]:
    """(path, default, reason) of every knob of the tree."""
    hints = get_type_hints(kind, include_extras=True)
    for entry in msgspec.structs.fields(kind):
        name = f"{path}{entry.name}"
        if isinstance(entry.type, type) and issubclass(entry.type, Struct):
            yield from knobs(entry.type, f"{name}.")
            continue
        whys = [m.description for m in get_args(hints[entry.name]) if isinstance(m, Meta) and m.description]
        default = entry.default if entry.default is not msgspec.NODEFAULT else entry.default_factory()
        yield name, default, whys[0] if whys else ""


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise InvalidSettings(f"settings file {path}: {error.strerror}", str(path), None) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidSettings(f"settings file {path} is not YAML: {error}", str(path), None) from None
    if not isinstance(tree, dict):
        raise InvalidSettings(f"settings file {path} holds no map", str(path), tree)
    return tree


def _refuse_moved(tree: dict[str, Any]) -> None:
    for former, present in MOVED.items():
        section, _, name = former.partition(".")
        values = tree.get(section)
        if isinstance(values, dict) and name in values:
            raise InvalidSettings(f"setting `{former}` is gone: set {present} instead", former, values[name])


def _put(tree: dict[str, Any], name: str, text: str) -> None:
    """A variable's value into the tree."""
    keys = name[len(PREFIX) :].lower().split("__")
    for depth, key in enumerate(keys[:-1]):
        if tree.get(key) is None:
            tree[key] = {}
        tree = tree[key]
        if not isinstance(tree, dict):
            above = ".".join(keys[: depth + 1])
            raise InvalidSettings(f"setting `{above}` is no map, but {name} sets a part of it", above, tree)
    tree[keys[-1]] = _value(keys, name, text)


def _value(keys: list[str], name: str, text: str) -> object:
    """The text read as YAML; as it stands where the knob is a text (a password may look like a number)."""
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        if _is_text(keys):
            return text
        raise InvalidSettings(f"{name} is not YAML: {error}", ".".join(keys), None) from None
    return text if _is_text(keys) and value is not None and not isinstance(value, str) else value


def _is_text(keys: list[str]) -> bool:
    kind: Any = Settings
    for key in keys:
        kind = get_type_hints(kind).get(key) if isinstance(kind, type) and issubclass(kind, Struct) else None
    return kind is str or (isinstance(kind, UnionType) and str in get_args(kind))
