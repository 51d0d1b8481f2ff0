"""What callers send and get, as types: they validate, they encode, and `/openapi.json` is made from them."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from rayce.decision import ArmOdds
from rayce.event import Moment
from rayce.ingest import Id, Values
from rayce.item import Attributes, Categories, Item, PlainItemId, Price, Word
from rayce.refusals import RowError
from rayce.segments.explanation import Why
from rayce.slots.deciding import Reason, Step

Rung = Literal["live", "stale", "precomputed", "segment", "global"]
Limit = Annotated[int, Meta(ge=1, le=100)]
Slot = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$(?!\n)")]
ItemIds = Annotated[tuple[PlainItemId, ...], Meta(max_length=500)]


class Accepted(Struct, frozen=True):
    """Reply to events: rows acknowledged by Kafka, rows of people without consent, and the refused ones."""

    accepted: int
    not_stored: int
    errors: list[RowError] = []


class Segments(Struct, frozen=True):
    """The segments a user is in; `age_s` since the last event they reflect (to 8 minutes, never too young)."""

    user_id: str
    segments: list[str]
    bits: list[int]
    catalogue_version: str
    age_s: float | None
    explanation: list[Why] | UnsetType = UNSET
    """Only when asked to explain."""


class SegmentOut(Struct, frozen=True):
    """A segment and its numbers: how many people are in it now, who entered and left in this hour, and in 24 hours."""

    name: str
    bit: int
    kind: str
    description: str
    ttl_s: int | None
    listed: bool
    size: int
    inflow_1h: int
    outflow_1h: int
    inflow_24h: int
    outflow_24h: int


class SegmentsOut(Struct, frozen=True):
    """All segments of the live catalogue; the numbers are of `partitions_told` of `partitions` partitions."""

    segments: list[SegmentOut]
    catalogue_version: str
    partitions_told: int
    partitions: int


class Overlap(Struct, frozen=True):
    """People in both segments, and their share of the people in either (Jaccard)."""

    name: str
    bit: int
    users: int
    jaccard: float


class SegmentDetail(SegmentOut, frozen=True):
    """One segment; overlaps are counted among permanent segments with bits below 128."""

    overlaps: list[Overlap]
    catalogue_version: str
    partitions_told: int
    partitions: int


class SegmentMembers(Struct, frozen=True):
    """A page of a segment's members, by pseudonym, in no order; `next` is where the next page begins, null at the end."""

    name: str
    bit: int
    members: list[str]
    next: str | None
    catalogue_version: str


class LookupIn(Struct, frozen=True, forbid_unknown_fields=True):
    """Many users at once."""

    user_ids: Annotated[tuple[Id, ...], Meta(min_length=1)]
    at: Moment | None = None


class LookupRow(Struct, frozen=True):
    """One user of a lookup."""

    segments: list[str]
    bits: list[int]
    age_s: float | None


class Lookup(Struct, frozen=True):
    """Reply to a lookup: null where nothing may be known of the user."""

    users: dict[str, LookupRow | None]
    catalogue_version: str


class BoughtOut(Struct, frozen=True):
    """A product a user has bought."""

    item_id: str
    count: int
    first_ms: int
    last_ms: int


class ProfileOut(Struct, frozen=True):
    """What is known of a user, as of a moment."""

    user_id: str
    events: int
    features: dict[str, float]
    words: dict[str, str]
    session_items: list[str]
    cart: dict[str, int]
    bought: list[BoughtOut]
    scores: dict[str, float]
    age_s: float


class RecommendIn(Struct, frozen=True, forbid_unknown_fields=True):
    """A wish for recommendations; without `user_id` the reply is contextual."""

    user_id: Id | None = None
    slot: Slot = "default"
    limit: Limit = 10
    session_items: ItemIds = ()
    exclude: ItemIds = ()
    categories: Annotated[tuple[Annotated[str, Meta(max_length=256)], ...], Meta(max_length=64)] = ()
    candidates: ItemIds = ()
    context: Values = {}
    explain: bool = False
    at: Moment | None = None


class Recommended(Struct, frozen=True, omit_defaults=True):
    """One item and the model's score; the rest only when asked to explain.

    Where it came from, what it goes with, the rules that touched it, its score after them, and the features that moved the
    model's score most.
    """

    item_id: str
    score: float
    source: str | UnsetType = UNSET
    because: str | UnsetType | None = UNSET
    rules: tuple[str, ...] | UnsetType = UNSET
    after_rules: float | UnsetType = UNSET
    factors: dict[str, float] | UnsetType = UNSET


class Recommendations(Struct, frozen=True):
    """A reply, the rung of the ladder it stands on, and whether it knew the person.

    `decision_id` names it in the log of decisions (impressions refer to it); `model` is who ranked, "" for nobody.
    """

    user_id: str | None
    slot: str
    items: list[Recommended]
    served: Rung
    personal: bool
    generations: dict[str, int]
    decision_id: str
    model: str


class RankIn(Struct, frozen=True, forbid_unknown_fields=True):
    """The caller's own items, to be ordered for a user; without `user_id` by context alone."""

    items: Annotated[tuple[PlainItemId, ...], Meta(min_length=1, max_length=500)]
    user_id: Id | None = None
    slot: Slot = "default"
    context: Values = {}
    explain: bool = False
    at: Moment | None = None


class RankedItems(Struct, frozen=True):
    """The items best first; `left_out` are those that may not be shown (bought, in the cart, filtered, not to be had) or that
    the shelf does not know, as they were given.
    """

    user_id: str | None
    slot: str
    items: list[Recommended]
    left_out: list[str]
    served: Rung
    personal: bool
    model: str


class DecideIn(Struct, frozen=True, forbid_unknown_fields=True):
    """A wish for what slots of a page shall show; without `user_id` the reply is contextual."""

    slots: Annotated[tuple[Slot, ...], Meta(min_length=1, max_length=50)]
    user_id: Id | None = None
    context: Values = {}
    explain: bool = False
    at: Moment | None = None


class WhyShown(Struct, frozen=True):
    """Why a slot shows that: the rule that decided, the rules looked at and what came of each, and the odds of the arms."""

    rule: str
    steps: tuple[Step, ...]
    arms: tuple[ArmOdds, ...]


class SlotDecision(Struct, frozen=True):
    """What a slot shows: all null where there is no such slot. `propensity` is that of the arm; 1 where no chance was in it."""

    variant: str | None
    payload: Any
    reason: Reason
    experiment: str | None
    arm: str | None
    propensity: float
    policy_id: str
    decision_id: str | None
    explanation: WhyShown | UnsetType = UNSET
    """Only when asked to explain."""


class Decisions(Struct, frozen=True):
    """A reply by slot, and whether it knew the person."""

    user_id: str | None
    decisions: dict[str, SlotDecision]
    served: Rung
    personal: bool


class ConsentIn(Struct, frozen=True, forbid_unknown_fields=True):
    """What a person allows; what is left out is not allowed."""

    personalization: bool = False
    training: bool = False
    marketing: bool = False


class ConsentOut(Struct, frozen=True):
    """The record."""

    user_id: str
    personalization: bool
    training: bool
    marketing: bool
    changed_ms: int


class Stored(Struct, frozen=True):
    """Reply to items: how many were stored, and the refused ones."""

    stored: int
    errors: list[RowError] = []


class ItemPatch(Struct, frozen=True, forbid_unknown_fields=True):
    """An item whose id is in the path."""

    item_id: PlainItemId | None = None
    title: Word = ""
    categories: Categories = ()
    brand: Word = ""
    price: Price | None = None
    available: bool = True
    attributes: Attributes = {}


class ItemsOut(Struct, frozen=True):
    """The known ones among the items asked for."""

    items: list[Item]


class ScoredItem(Struct, frozen=True):
    """An item, and a score that compares within its list only."""

    item_id: str
    score: float


SimilarSource = Literal["neighbours", "group", "popular"]


class SimilarItems(Struct, frozen=True):
    """What goes with an item; `source`: its neighbours, or, where it has none, what is popular in its group or at all."""

    item_id: str
    items: list[ScoredItem]
    source: SimilarSource


TrendingOf = Literal["segment", "country", "everybody", "popular"]


class TrendingItems(Struct, frozen=True):
    """What is wanted right now; `of` says by whom: the list asked for, or the next wider one that there is."""

    items: list[ScoredItem]
    of: TrendingOf
    category: str


class NearKind(Struct, frozen=True):
    """A category or brand, and a score that compares within its list only."""

    name: str
    score: float


class NearKinds(Struct, frozen=True):
    """The categories (`of`: `category`) or brands that people who touched `name` touch in the same session or the next ones."""

    of: Literal["category", "brand"]
    name: str
    near: list[NearKind]


class CohortOut(Struct, frozen=True):
    """The cohort's token, whether stores could tell (`live`, or `global`: they could not), and whether the person was known."""

    cohort: str
    served: Rung
    personal: bool


class CohortItems(Struct, frozen=True):
    """What everybody of a cohort gets, and whether the list was a segment's (`segment`) or everybody's (`global`)."""

    slot: str
    items: list[ScoredItem]
    served: Rung
    generations: dict[str, int]


class CohortDecision(Struct, frozen=True):
    """What a slot shows a cohort: `variant` is null where there is no such slot."""

    variant: str | None
    payload: Any
    reason: Reason
    policy_id: str


class CohortDecisions(Struct, frozen=True):
    """By slot."""

    decisions: dict[str, CohortDecision]


class Health(Struct, frozen=True):
    """How this replica is: `ready`, or `degraded` with the parts that are not as they should be; it answers either way.

    Status, `away` and `stores` are for anybody. The rest is for keys that may read; what names tenants names their own tenant
    only, to the operator all.
    """

    status: Literal["ready", "degraded"]
    away: list[str]
    """Stores that do not answer, `stream` if partitions of it stand still, `ranker` if a live model was left aside."""
    stores: dict[str, str]
    """`up` or `away`; to the operator why."""
    generations: dict[str, dict[str, int]] | UnsetType = UNSET
    catalogue_version: str | UnsetType = UNSET
    halted_partitions: list[int] | UnsetType = UNSET
    """Of the stream: they stand still for too many dead letters until somebody resumes them."""
    shedding: list[str] | UnsetType = UNSET
    """Priorities of which this replica has sent requests away in the last seconds, as there were too many."""
    models_left: dict[str, str] | UnsetType = UNSET
    """By tenant and model: the live generation that a ranker has left aside, which one ranks instead, and why."""
    knowledge_age_s: float | UnsetType | None = UNSET
    """How long ago this replica has seen what is live; null: never. It goes on with what it has."""
    behind: list[str] | UnsetType = UNSET
    """What is said to have gone live since then, as tenant and kind."""
    hears_changes: bool | UnsetType = UNSET
    """Whether it hears who changes, and so may keep things about people in memory."""


class ProblemOut(Struct, frozen=True):
    """RFC 9457, with the key and value that offended."""

    type: str
    title: str
    status: int
    detail: str
    key: str
    value: Any
    errors: list[RowError] | UnsetType = UNSET
