"""The settings of the edge: who may call, what is refused, what is kept, what is told. Read through `rayce.settings`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from rayce.knobs import Positive, knob


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
    ] = 120.0
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
