"""What the HTTP API answers, as the client gives it: one frozen value a reply, unknown fields passed over."""

from typing import Any

from msgspec import Struct


class RowError(Struct, frozen=True):
    """Why one row of a batch was refused: its place in the batch, the JSON path, the value, and the reason."""

    index: int = 0
    path: str = "$"
    value: Any = None
    message: str = ""


class EventsReply(Struct, frozen=True):
    """How many rows the log has, how many were answered but not kept (no consent), and which were refused."""

    accepted: int = 0
    not_stored: int = 0
    errors: list[RowError] = []


class Flags(Struct, frozen=True):
    """The segments of one user; `age_s` since they were last computed."""

    segments: list[str] = []
    bits: list[int] = []
    age_s: float | None = None
    catalogue_version: int | str | None = None


class Lookup(Struct, frozen=True):
    """The segments of many users; None where nothing may be known of one."""

    users: dict[str, Flags | None] = {}
    catalogue_version: int | str | None = None


class SegmentSize(Struct, frozen=True):
    """A segment: how many people are in it, and who entered and left in this hour and in 24 hours."""

    name: str
    bit: int = -1
    kind: str = ""
    description: str = ""
    ttl_s: int | None = None
    listed: bool = False
    size: int = 0
    inflow_1h: int = 0
    outflow_1h: int = 0
    inflow_24h: int = 0
    outflow_24h: int = 0


class SegmentSizes(Struct, frozen=True):
    """All segments; the numbers are of `partitions_told` of `partitions` partitions."""

    segments: list[SegmentSize] = []
    catalogue_version: int | str | None = None
    partitions_told: int = 0
    partitions: int = 0


class SegmentOverlap(Struct, frozen=True):
    """People in both segments, and their share of the people in either."""

    name: str
    bit: int = -1
    users: int = 0
    jaccard: float = 0.0


class SegmentReport(SegmentSize, frozen=True):
    """One segment with its overlaps, the largest first."""

    overlaps: list[SegmentOverlap] = []
    catalogue_version: int | str | None = None
    partitions_told: int = 0
    partitions: int = 0


class MembersPage(Struct, frozen=True):
    """A page of a segment's members, by pseudonym, in no order; `next` is the cursor of the page after it, None at the end."""

    members: list[str] = []
    next: str | None = None
    catalogue_version: int | str | None = None


class Why(Struct, frozen=True):
    """One segment of a user: what counts (`member`), what its rule or model would say now, and what was seen for it."""

    name: str
    bit: int = -1
    kind: str = ""
    member: bool = False
    expires_at_s: int | None = None
    holds_now: bool | None = None
    differs: str | None = None
    rule: dict[str, Any] | None = None
    model: dict[str, Any] | None = None


class Explained(Struct, frozen=True):
    """A user's segments, and why; no explanation where no store could tell."""

    segments: list[str] = []
    bits: list[int] = []
    age_s: float | None = None
    catalogue_version: int | str | None = None
    explanation: list[Why] = []


class Bought(Struct, frozen=True):
    """A product the user bought: how often, and when last and first (ms since the epoch; 0 where that is not told)."""

    item_id: str
    count: int = 1
    last_ms: int = 0
    first_ms: int = 0


class Profile(Struct, frozen=True):
    """What is known of a user; `events` counts the events folded in, each exactly once."""

    user_id: str = ""
    events: int = 0
    features: dict[str, float | None] = {}
    session_items: list[str] = []
    cart: dict[str, int] = {}
    bought: list[Bought] = []
    scores: dict[str, float] = {}
    age_s: float | None = None


class RecommendedItem(Struct, frozen=True):
    """One product of a list. What follows the score says why, where `explain` was asked for: where it comes from, what it goes
    with, the rules that touched it, its score after them, and the features that moved it most.
    """

    item_id: str
    score: float | None = None
    source: str | None = None
    because: Any = None
    rules: list[str] = []
    after_rules: float | None = None
    factors: dict[str, float] = {}


class Recommendations(Struct, frozen=True):
    """An ordered list, the rung of the ladder it stands on, and whether the person was looked at."""

    items: list[RecommendedItem] = []
    served: str = ""
    personal: bool = False
    slot: str | None = None
    generations: dict[str, int | str | None] = {}
    decision_id: str = ""
    model: str = ""


class RankedItems(Struct, frozen=True):
    """The caller's items in order; `left_out` are those that may not be shown, or that are not known."""

    items: list[RecommendedItem] = []
    left_out: list[str] = []
    served: str = ""
    personal: bool = False
    model: str = ""


class SlotDecision(Struct, frozen=True):
    """What a slot shows; `variant` is None where there is no such slot. `decision_id` belongs into its impression."""

    variant: str | None = None
    payload: Any = None
    reason: str = ""
    experiment: str | None = None
    arm: str | None = None
    propensity: float = 1.0
    policy_id: str = ""
    decision_id: str | None = None


class Decisions(Struct, frozen=True):
    """By slot what it shows, the rung of the ladder, and whether the person was looked at."""

    decisions: dict[str, SlotDecision] = {}
    served: str = ""
    personal: bool = False


class ItemList(Struct, frozen=True):
    """An ordered list that is nobody's own; `source` (similar) or `of` (trending) says how near it is to what was asked for.

    `source` is `client` where the client made it.
    """

    items: list[RecommendedItem] = []
    source: str = ""
    of: str = ""


class ConsentRecord(Struct, frozen=True):
    """What a person allows, and since when (ms since the epoch)."""

    user_id: str = ""
    personalization: bool = False
    training: bool = False
    marketing: bool = False
    changed_ms: int = 0


class Item(Struct, frozen=True, omit_defaults=True):
    """One product of the catalogue; the price in the shop's currency."""

    item_id: str
    title: str = ""
    categories: list[str] = []
    brand: str | None = None
    price: float | None = None
    available: bool = True
    attributes: dict[str, Any] = {}


class ItemsReply(Struct, frozen=True):
    """How many products were stored, and which were refused."""

    stored: int = 0
    errors: list[RowError] = []
