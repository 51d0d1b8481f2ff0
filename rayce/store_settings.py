"""The settings of the stores: where they are, and how long they are waited for. Read through `rayce.settings`."""

from typing import Annotated

from msgspec import Meta

from rayce.knobs import Hidden, Positive, knob


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
    slow_ms: Annotated[
        Positive, knob("While every read takes so long or longer Redis counts as away, and DynamoDB answers instead.")
    ] = 15
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
