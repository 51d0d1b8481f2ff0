"""One documented, frozen settings tree: defaults, then one YAML file, then the environment; an unknown key is an error.

Only composition roots (mains and app builders) read it; everything else takes what it needs. The environment
names a knob by its path: `RAYCE_KAFKA__BOOTSTRAP=host:9092`. `RAYCE_SETTINGS` names the YAML file. Values from the
environment are read as YAML, so numbers, lists and maps work too.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
import yaml
from msgspec import Meta, Struct, field

from rayce.batch_settings import BatchSettings
from rayce.errors import InvalidSettings
from rayce.knobs import Hidden, Positive, knob
from rayce.lake.settings import LakeSettings
from rayce.lists.settings import ListSettings
from rayce.refusals import value_at, where

FILE_VARIABLE = "RAYCE_SETTINGS"
PREFIX = "RAYCE_"
MOVED = {"stream.workers": "stream.min_workers and stream.max_workers"}
"""Knobs of former versions, and what has taken their place."""
NO_KNOBS = (FILE_VARIABLE, "RAYCE_LOCAL_ROOT")
"""Variables of ours that name no knob."""


class RedisSettings(Hidden, frozen=True, forbid_unknown_fields=True):
    """Hot memory: a materialised view that may vanish."""

    url: Annotated[str, knob("Where Redis 7 or Valkey listens; rediss:// for TLS.")] = "redis://127.0.0.1:6379/0"
    cluster: Annotated[bool, knob("True where the URL is a node of a Redis Cluster.")] = False
    flag_buckets: Annotated[
        Positive, knob("Bucket hashes for flags and consent: about users / 160; never changed on a filled view.")
    ] = 16_384
    decision_ttl_s: Annotated[
        Positive, knob("How long Redis keeps a decision of consent as a guard against older ones that arrive late.")
    ] = 86_400
    read_timeout_ms: Annotated[
        Positive, knob("After this long a request takes DynamoDB or the next rung instead of waiting for Redis.")
    ] = 50
    write_timeout_ms: Annotated[Positive, knob("After this long a worker treats Redis as away and tries again.")] = (
        1_000
    )
    profile_ttl_s: Annotated[
        Positive, knob("Profiles not touched for this long leave Redis; the next read fetches them from DynamoDB.")
    ] = 30 * 86_400


class KafkaSettings(Hidden, frozen=True, forbid_unknown_fields=True):
    """The log."""

    bootstrap: Annotated[str, knob("Brokers to start from, `host:port,host:port`.")] = "127.0.0.1:9092"
    api_version: Annotated[str | None, knob("Pin the protocol version, for brokers that cannot be asked.")] = None
    security_protocol: Annotated[str, knob("PLAINTEXT, SSL, SASL_SSL (MSK) or SASL_PLAINTEXT.")] = "PLAINTEXT"
    sasl_mechanism: Annotated[str | None, knob("For SASL: SCRAM-SHA-512 on MSK.")] = None
    sasl_username: Annotated[str | None, knob("For SASL.")] = None
    sasl_password: Annotated[str | None, knob("For SASL; better from the environment than from the file.")] = None
    partitions: Annotated[
        Positive, knob("Partitions of rayce.events: the upper bound of parallel workers; fixed once there are users.")
    ] = 4
    replication: Annotated[Positive, knob("Copies of each record: 3 in production.")] = 1
    retention_h: Annotated[Positive, knob("How long the log keeps events: how far back jobs can replay.")] = 24 * 400
    changes_retention_h: Annotated[
        Positive, knob("How long changes of segments are kept for subscribers that were away.")
    ] = 24 * 14
    decisions_retention_h: Annotated[
        Positive, knob("How long decisions are kept: how far back experiments can be judged and rules be tried.")
    ] = 24 * 90
    linger_ms: Annotated[
        int,
        Meta(ge=0),
        knob("How long a write waits for others to share its request: less CPU an event, later visible."),
    ] = 4
    ack_timeout_ms: Annotated[Positive, knob("An event POST gives up and answers 503 after this long.")] = 5_000


class DynamoSettings(Hidden, frozen=True, forbid_unknown_fields=True):
    """Warm, durable memory: the truth."""

    endpoint_url: Annotated[str | None, knob("Empty for AWS; DynamoDB Local's address otherwise.")] = None
    region: Annotated[str, knob("AWS region of the tables.")] = "eu-west-1"
    access_key_id: Annotated[str | None, knob("Empty: boto3's own chain (instance role).")] = None
    secret_access_key: Annotated[str | None, knob("Empty: boto3's own chain (instance role).")] = None
    table_prefix: Annotated[str, knob("Put before each table's name: several clusters in one account.")] = "rayce-"
    timeout_ms: Annotated[Positive, knob("One call may take this long before it counts as failed.")] = 2_000


class ApiKey(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One caller: the SHA-256 of its key (hex), its tenant, and what it may do; its rate and burst instead of the edge's,
    the highest priority that its requests may have, and when it ends (RFC 3339; empty: never).
    """

    sha256: str
    tenant: str
    scopes: tuple[Literal["events", "page", "consent", "read", "write", "admin", "operator"], ...] = (
        "events",
        "read",
        "write",
    )
    rate_per_s: Annotated[float, Meta(ge=0)] | None = None
    burst: Annotated[float, Meta(ge=0)] | None = None
    priority: Literal["interactive", "prefetch", "bulk"] = "interactive"
    until: str = ""


class EdgeSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The front door."""

    host: Annotated[str, knob("Where HTTP listens; loopback unless a load balancer has to reach it.")] = "127.0.0.1"
    port: Annotated[Positive, knob("Port of the HTTP ingress.")] = 8_000
    api_keys: Annotated[dict[str, ApiKey], knob("Callers by name; only hashes are kept.")] = {}
    max_body_bytes: Annotated[Positive, knob("A larger body is refused with 413.")] = 4 * 1024 * 1024
    max_batch_events: Annotated[Positive, knob("More events in one POST are refused with 413.")] = 5_000
    max_lookup_users: Annotated[Positive, knob("More users in one lookup are refused.")] = 1_000
    max_in_flight: Annotated[
        Positive, knob("Requests one edge replica works on at once at the very most; it learns how many are good.")
    ] = 4_000
    min_in_flight: Annotated[
        Positive, knob("It never goes below so many: enough to keep what is behind it busy while it waits.")
    ] = 8
    queue_ms: Annotated[
        float,
        Meta(gt=0),
        knob(
            "How long an interactive request may wait at a full replica before it is sent away; `prefetch` a twentieth of it,"
            " `bulk` a fiftieth."
        ),
    ] = 100.0
    queue_delay_ms: Annotated[
        float, Meta(gt=0), knob("A replica that makes every request wait longer than this is overloaded.")
    ] = 5.0
    rate_per_s: Annotated[
        float, Meta(ge=0), knob("Requests a second that a key may make, over all replicas; more get 429. 0: no limit.")
    ] = 0.0
    burst: Annotated[
        float, Meta(ge=0), knob("Requests that may come at once after a pause; 0: those of one second.")
    ] = 0.0
    read_deadline_ms: Annotated[
        Positive, knob("How long a reply may wait for the stores before it takes the next rung.")
    ] = 150
    read_near: Annotated[
        bool,
        knob(
            "True: the edge reads hot memory itself and asks the feature reader only for whom it does not know; False:"
            " always the feature reader, one hop more for each reply."
        ),
    ] = True
    rank_deadline_ms: Annotated[Positive, knob("How long a reply may wait for candidates and ranking.")] = 150
    stale_users: Annotated[Positive, knob("Last live replies kept per edge replica, for when the ranker is away.")] = (
        10_000
    )
    stale_max_age_s: Annotated[Positive, knob("A kept reply older than this is not served any more.")] = 600
    future_tolerance_s: Annotated[Positive, knob("Events dated later than this from now are refused.")] = 300
    country_file: Annotated[
        str, knob("Path, on every node, of a MaxMind database of countries by address; empty: no country by address.")
    ] = ""
    trusted_country_header: Annotated[
        str,
        knob(
            "Header in which a content network in front says the shopper's country (`cf-ipcountry`); empty: none is"
            " believed, as callers could write it themselves."
        ),
    ] = ""
    proxies: Annotated[
        int,
        Meta(ge=0),
        knob(
            "Proxies of yours in front that append to `X-Forwarded-For`: so many of its entries are believed, from the"
            " right; 0: the address of the connection counts."
        ),
    ] = 0
    zone: Annotated[
        str, knob("The shop's time zone (`Europe/Berlin`), for the part of day of shoppers whose own is not known.")
    ] = ""
    cors_origins: Annotated[
        tuple[str, ...],
        knob(
            "Origins (`https://www.shop.de`) whose pages may call the edge from the browser; they count as the shop's own."
        ),
    ] = ()


class PrivacySettings(Hidden, frozen=True, forbid_unknown_fields=True):
    """Pseudonyms and the allow-list. What is not listed never passes the edge."""

    current_key: Annotated[str, knob("Which of the keys makes new pseudonyms.")] = "k1"
    pseudonym_keys: Annotated[
        dict[str, str], knob("Secret keys by id, 64 hex digits each; old ones stay readable.")
    ] = {}
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
        knob("How soon a change of the catalogue is noticed of which Kafka could not be told; each look reads all items."),
    ] = 900.0


class DecisionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The log of decisions, as each edge replica writes it."""

    buffered: Annotated[
        Positive, knob("Decisions that wait for Kafka in a replica; of more the oldest are dropped and counted.")
    ] = 20_000
    flush_ms: Annotated[
        Positive, knob("How often decisions go to Kafka: longer costs less CPU a decision, and a crash loses more.")
    ] = 250
    pool_one_in: Annotated[
        int,
        Meta(ge=0),
        knob("Of so many recommendations one tells all its candidates, for trying rules on; 0: none does."),
    ] = 100


class CacheSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What an edge replica keeps in its own memory. Whoever changes is dropped at once, through the change bus."""

    flags_users: Annotated[
        int, Meta(ge=0), knob("People whose flags a replica keeps, about 400 bytes each; 0: each look-up reads Redis.")
    ] = 50_000
    flags_ttl_ms: Annotated[
        int,
        Meta(ge=1, le=2_000),
        knob("How long flags are kept at the most, should a change ever go unheard; longer spares Redis more."),
    ] = 2_000
    replies_mib: Annotated[
        int, Meta(ge=0), knob("Memory for whole replies in a replica; 0: every reply is made anew.")
    ] = 64
    replies: Annotated[Positive, knob("Replies kept in a replica, however small they are.")] = 100_000
    personal_ttl_s: Annotated[
        float,
        Meta(gt=0),
        knob(
            "How long a personal reply is given again while nothing is known to have changed; scores age with it, and the"
            " end of a short-lived segment is noticed so much later in recommendations."
        ),
    ] = 30.0
    cohort_ttl_s: Annotated[
        float, Meta(gt=0), knob("The same for a reply that everybody in the same circumstances gets.")
    ] = 60.0
    stale_s: Annotated[
        float,
        Meta(ge=0),
        knob(
            "How much longer a cohort's reply is given while a fresh one is made: nobody waits for it. 0: not at all."
        ),
    ] = 60.0


class CdnSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Content networks in front: what they may keep of cohorts' replies, and where they are told to forget."""

    purge_urls: Annotated[
        tuple[str, ...],
        knob("Varnish servers (`http://10.0.0.7:6081/`) that are told to forget what has changed, each directly."),
    ] = ()
    min_cohort: Annotated[
        Positive,
        knob(
            "A segment with fewer people, alone or together with another one, is left out of cohorts: it tells too much."
        ),
    ] = 100
    ttl_s: Annotated[
        Positive, knob("How long a cohort's reply is fresh; business windows of rules begin and end so much later.")
    ] = 60
    stale_s: Annotated[int, Meta(ge=0), knob("How much longer it is given while a fresh one is fetched.")] = 60
    error_s: Annotated[int, Meta(ge=0), knob("How much longer it is given while no edge answers.")] = 86_400


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
