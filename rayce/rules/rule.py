"""One rule as a marketer writes it: for whom, on which items, and what is done. One action a rule."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from rayce.rules.audience import Audience

MAX_RULES, MAX_IDS, MAX_POSITION = 500, 1_000, 100

RuleName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}$")]
ItemId = Annotated[str, Meta(min_length=1, max_length=128)] | Annotated[int, Meta(ge=0, le=2**53)]
"""YAML reads `4711` as a number; it means the item "4711"."""
Names = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...], Meta(min_length=1, max_length=MAX_IDS)
]
Money = Annotated[float, Meta(ge=0, le=1e9)]
Days = Annotated[float, Meta(gt=0, le=3_660)]
By = Literal["category", "group", "brand"]
"""`category`: all categories alike, so the narrowest; `group`: the second-widest category, the grain of tastes."""

ACTIONS = ("filter", "boost", "bury", "pin", "cap", "diversify", "freshness")


class Price(Struct, frozen=True, forbid_unknown_fields=True):
    """All bounds given must hold; `between` includes both. An item without a price never matches."""

    below: Money | None = None
    above: Money | None = None
    between: tuple[Money, Money] | None = None


class Items(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which items: all parts given must hold, of a list one entry."""

    category: Names | None = None
    brand: Names | None = None
    ids: Annotated[tuple[ItemId, ...], Meta(min_length=1, max_length=MAX_IDS)] | None = None
    price: Price | None = None
    newer_than_days: Days | None = None


class Pin(Struct, frozen=True, forbid_unknown_fields=True):
    """Those of the items that may be shown, one after the other from a position on (1 is the first)."""

    items: Annotated[tuple[ItemId, ...], Meta(min_length=1, max_length=20)]
    position: Annotated[int, Meta(ge=1, le=MAX_POSITION)] = 1


class Cap(Struct, frozen=True, forbid_unknown_fields=True):
    """At most so many of one kind within the first `within` places (none given: anywhere in the list)."""

    by: By
    at_most: Annotated[int, Meta(ge=1, le=MAX_POSITION)]
    within: Annotated[int, Meta(ge=1, le=MAX_POSITION)] | None = None


class Diversify(Struct, frozen=True, forbid_unknown_fields=True):
    """Each further item of one kind loses `strength` times the spread of the scores: 0 nothing, 1 much."""

    by: By
    strength: Annotated[float, Meta(gt=0, le=3)] = 0.5


class Freshness(Struct, frozen=True, forbid_unknown_fields=True):
    """A new item gains `weight` times the spread of the scores, half of it `half_life_days` later, and so on."""

    half_life_days: Days
    weight: Annotated[float, Meta(gt=0, le=5)] = 1.0


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """A rule. Where rules compete (pins, diversify) the higher `priority` wins, of equal ones the earlier."""

    name: RuleName
    description: Annotated[str, Meta(max_length=500)] = ""
    enabled: bool = True
    priority: Annotated[int, Meta(ge=-1_000, le=1_000)] = 0
    audience: Audience = Audience()
    items: Items | None = None
    filter: Literal["drop", "keep"] | None = None
    boost: Annotated[float, Meta(gt=1, le=100)] | None = None
    bury: Annotated[float, Meta(ge=0.01, lt=1)] | None = None
    pin: Pin | None = None
    cap: Cap | None = None
    diversify: Diversify | None = None
    freshness: Freshness | None = None

    @property
    def action(self) -> str:
        """The name of the one action it has."""
        return next(name for name in ACTIONS if getattr(self, name) is not None)
