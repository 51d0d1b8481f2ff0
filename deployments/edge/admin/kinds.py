"""The kinds of documents that the administration takes, and what is to be known to check one and to make it live."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

from deployments.edge.edge import Edge
from deployments.edge.scopes import ADMIN, OPERATOR
from rayce import live_catalogue
from rayce.documents import (
    MODELS,
    RULES,
    SLOTS,
    Document,
    activate_document,
    live_document,
    roll_back_document,
)
from rayce.generations import generation_name
from rayce.model_routing import BASELINES, DEFAULT, Routing, kind_of, parse_routing
from rayce.rules.rule_set import RuleSet, parse_rules
from rayce.segments.catalogue import parse_catalogue
from rayce.slots.book import SlotBook, parse_slots
from rayce.slots.summary import summary

SEGMENTS = "segments"


class DocumentKind(Protocol):
    """A kind of documents. All block; `InvalidInput` names key and value of what does not hold together."""

    @property
    def scope(self) -> str:
        """What a key needs to change it."""
        ...

    def name(self, tenant: str) -> str:
        """Of its generations."""
        ...

    def check(self, edge: Edge, tenant: str, text: str) -> list[str]:
        """Notes for its author, where it may go live."""
        ...

    def activate(self, edge: Edge, tenant: str, text: str) -> int:
        """Make it live; the number of its generation."""
        ...

    def roll_back(self, edge: Edge, tenant: str) -> int:
        """Make that of before live again."""
        ...

    def live(self, edge: Edge, tenant: str) -> Document | None:
        """What is live; None: nothing was activated."""
        ...


class OfTenant(NamedTuple):
    """A kind of which each tenant has its own."""

    kind: str
    parse: Callable[[str], Any]
    """As edges and rankers do it."""
    notes: Callable[[Edge, str, Any], list[str]]
    """`InvalidInput` where it holds together, but not with what else is live."""
    scope: str = ADMIN

    def name(self, tenant: str) -> str:
        """See `DocumentKind`."""
        return generation_name(tenant, self.kind)

    def check(self, edge: Edge, tenant: str, text: str) -> list[str]:
        """See `DocumentKind`."""
        return self.notes(edge, tenant, self.parse(text))

    def activate(self, edge: Edge, tenant: str, text: str) -> int:
        """See `DocumentKind`."""
        return activate_document(edge.durable, tenant, self.kind, text, lru_cache(1)(self.parse), edge.now_ms())

    def roll_back(self, edge: Edge, tenant: str) -> int:
        """See `DocumentKind`."""
        return roll_back_document(edge.durable, tenant, self.kind, self.parse)

    def live(self, edge: Edge, tenant: str) -> Document | None:
        """See `DocumentKind`."""
        return live_document(edge.durable, tenant, self.kind)


class OfAll(NamedTuple):
    """The segment catalogue, which all tenants share."""

    scope: str = OPERATOR

    def name(self, tenant: str) -> str:
        """See `DocumentKind`."""
        return live_catalogue.NAME

    def check(self, edge: Edge, tenant: str, text: str) -> list[str]:
        """See `DocumentKind`."""
        new = parse_catalogue(text, edge.features)
        live_catalogue.check_may_follow(edge.durable, new, edge.catalogues.otherwise)
        gone = sorted(edge.catalogue.by_name.keys() - new.by_name.keys())
        return [
            f"version {new.version}, {len(new.segments)} segments",
            *(f"`{name}` is not in it any more" for name in gone),
        ]

    def activate(self, edge: Edge, tenant: str, text: str) -> int:
        """See `DocumentKind`."""
        otherwise = edge.catalogues.otherwise
        return live_catalogue.activate(edge.durable, text, otherwise, edge.now_ms(), edge.features).number

    def roll_back(self, edge: Edge, tenant: str) -> int:
        """See `DocumentKind`."""
        return live_catalogue.roll_back(edge.durable, edge.features).number

    def live(self, edge: Edge, tenant: str) -> Document | None:
        """See `DocumentKind`."""
        return live_catalogue.live_text(edge.durable)


def _rules_notes(edge: Edge, tenant: str, found: RuleSet) -> list[str]:
    for i, rule in enumerate(found.all):
        rule.audience.check(f"rules[{i}].audience", edge.catalogue)
    off = len(found.all) - len(found.rules)
    return [f"{len(found.rules)} rules" + (f" and {off} that are off" if off else ""), *found.notes]


def _slots_notes(edge: Edge, tenant: str, found: SlotBook) -> list[str]:
    found.check_segments(edge.catalogue)
    return [f"policy {found.policy}", *summary(found.slots)]


def _models_notes(edge: Edge, tenant: str, found: Routing) -> list[str]:
    live = edge.durable.live(generation_name(tenant, ""))
    named = dict.fromkeys(portion.model for portion in (*found.split, *found.shadow))
    missing = [m for m in named if m not in BASELINES and generation_name(tenant, kind_of(m)) not in live]
    return [f"`{model}` is not live: until it is, `{DEFAULT}` ranks in its place" for model in missing]


KINDS: Final[Mapping[str, DocumentKind]] = {
    RULES: OfTenant(RULES, parse_rules, _rules_notes),
    SLOTS: OfTenant(SLOTS, parse_slots, _slots_notes),
    MODELS: OfTenant(MODELS, parse_routing, _models_notes),
    SEGMENTS: OfAll(),
}
