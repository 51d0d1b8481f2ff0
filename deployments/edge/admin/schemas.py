"""Bodies and replies of the administration."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from rayce.api_keys import MAX_NAME

DOCUMENT_KINDS = ("rules", "slots", "models", "segments")
MAX_NUMBER = 99_999_999
MAX_PURGED = 160
"""Items, slots and keys, each, of one purge: all travel in one header."""

Scope = Literal["events", "page", "consent", "read", "write", "admin", "operator"]
Count = Annotated[float, Meta(ge=0, le=1e9)]


class Activated(Struct, frozen=True):
    """A document that was checked, and made live unless it was only tried; `before` is the generation of before (0: none)."""

    kind: str
    generation: int
    before: int
    is_live: bool
    notes: list[str]
    """What its author should know."""


class Generation(Struct, frozen=True):
    """What is live of a kind, which generations are kept, which one this replica has loaded, and why it is another."""

    kind: str
    live: int
    kept: list[int]
    loaded: int | None
    error: str | None


class Generations(Struct, frozen=True):
    """All of the caller's tenant, and how long ago this replica has looked what is live (s)."""

    generations: list[Generation]
    knowledge_age_s: float | None


class GenerationIn(Struct, frozen=True, forbid_unknown_fields=True):
    """The generation to make live."""

    number: Annotated[int, Meta(ge=1, le=MAX_NUMBER)]


class MadeLive(Struct, frozen=True):
    """A generation that is live now, and the one that was so before (0: none)."""

    kind: str
    generation: int
    before: int


class Key(Struct, frozen=True):
    """An API key without the key: neither it nor its hash is ever told. `source`: the settings, or the document."""

    name: str
    tenant: str
    scopes: list[str]
    rate_per_s: float | None
    burst: float | None
    priority: str
    until: str
    source: Literal["settings", "document"]


class Keys(Struct, frozen=True):
    """The keys that the caller may see."""

    keys: list[Key]


class KeyIn(Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be made. Without a tenant it is of the caller's."""

    name: Annotated[str, Meta(pattern=rf"^[A-Za-z0-9_.-]{{1,{MAX_NAME}}}\Z")]
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=7)]
    tenant: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    rate_per_s: Count | None = None
    burst: Count | None = None
    priority: Literal["interactive", "prefetch", "bulk"] = "interactive"
    until: Annotated[str, Meta(max_length=64)] = ""


class KeyMade(Struct, frozen=True):
    """The new key: told this once."""

    name: str
    tenant: str
    key: str
    generation: int


class KeyRevoked(Struct, frozen=True):
    """A key that opens nothing any more, as soon as edges have heard of it."""

    name: str
    generation: int


class PurgeIn(Struct, frozen=True, forbid_unknown_fields=True):
    """What to forget: everything of the tenant, or what holds these items, is for these slots, or has these surrogate keys."""

    everything: bool = False
    items: Annotated[list[Annotated[str, Meta(min_length=1, max_length=128)]], Meta(max_length=MAX_PURGED)] = []
    slots: Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=MAX_PURGED)] = []
    keys: Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=MAX_PURGED)] = []


class Purged(Struct, frozen=True):
    """The generation by which edges know, the surrogate keys that content networks were told (none: everything of the tenant),
    and by address those that could not be told, and why.
    """

    generation: int
    surrogate_keys: list[str]
    failed: dict[str, str]
