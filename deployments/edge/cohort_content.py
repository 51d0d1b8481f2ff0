"""`/v1/cohorts/{cohort}/…`: what everybody of a cohort gets, from what is live alone: no person, no store, no hop.

These are the replies that a content network may keep. They depend on the address, the key's tenant and live generations, on no
other header of the request, so that one copy is right for all who may get it.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from starlette.requests import Request

from deployments.edge.cache_version import VERSION_HEADER, cache_version
from deployments.edge.callers import Caller
from deployments.edge.conditional import Cohort as Shared
from deployments.edge.conditional import (
    Headers,
    Personal,
    caching_headers,
    etag_of,
    is_known,
    not_modified,
    shared_headers,
)
from deployments.edge.decisions import Known, choose
from deployments.edge.edge import Edge
from deployments.edge.raw_reply import NOT_MODIFIED, RawReply
from deployments.edge.requests import encode, read_query
from deployments.edge.schemas import CohortDecision, CohortDecisions, CohortItems, Limit, Rung, ScoredItem, Slot
from deployments.edge.shelf_calls import POPULAR
from deployments.edge.surrogate_keys import kind_key, slot_key, surrogate_keys
from rayce.circumstances import Circumstances
from rayce.cohort import Cohort, decode_cohort
from rayce.documents import RULES, SLOTS
from rayce.item_words import SHELF
from rayce.live_catalogue import KIND as CATALOGUE
from rayce.live_catalogue import OWNER
from rayce.rules.live_rules import LiveRules
from rayce.shelf import Popular, Shelf
from rayce.trending import country_key, segment_key

ITEMS_FROM, DECISIONS_FROM = (SHELF, POPULAR, RULES), (SLOTS,)
"""Generations that replies are made from, beside the segment catalogue."""
MOST = 60
"""Items that rules can choose from, or as many as are asked for."""
VARY = ("authorization",)
"""The key says whose shop it is."""

Found = tuple[Rung, list[ScoredItem]]


class CohortQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Query of a cohort's recommendations."""

    slot: Slot = "default"
    limit: Limit = 10


class CohortSlotsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Query of a cohort's decisions: names of slots, with commas between them."""

    slots: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}(,[A-Za-z0-9_.-]{1,64}){0,19}$")]


class CohortContent:
    """Answers the calls; keeps the rules bound."""

    def __init__(self) -> None:
        self._rules: LiveRules | None = None

    async def get_cohort_items(self, edge: Edge, caller: Caller, request: Request) -> RawReply:
        """What a cohort's people want: the list of the first of its segments that has one, then its country's, then
        everybody's; available items only, arranged by the rules.
        """
        cohort, asked = _cohort(edge, request), read_query(request, CohortQuery)
        rung, items = self.items(edge, caller.tenant, cohort, asked.slot, asked.limit)
        numbers = _numbers(edge, caller.tenant, ITEMS_FROM)
        body = encode(CohortItems(asked.slot, items, rung, dict(numbers)))
        keys = _keys(caller.tenant, ITEMS_FROM, numbers, [asked.slot], [item.item_id for item in items])
        return _sent(edge, caller, request, body, rung, keys)

    async def get_cohorts_decisions(self, edge: Edge, caller: Caller, request: Request) -> RawReply:
        """What slots show a cohort: by their rules. Nobody is in an experiment here, and nothing goes into the log of
        decisions, as nobody can say to whom it is shown.
        """
        cohort, asked = _cohort(edge, request), read_query(request, CohortSlotsQuery)
        slots = list(dict.fromkeys(asked.slots.split(",")))
        known = Known(None, 0, cohort.bits, "live")
        found = choose(edge, caller.tenant, slots, cohort.context, known, edge.now_ms())
        told = {
            slot: CohortDecision(choice.variant, choice.payload, choice.reason, found.policy_id)
            for slot, choice in found.by_slot.items()
        }
        body = encode(CohortDecisions(told))
        keys = _keys(caller.tenant, DECISIONS_FROM, _numbers(edge, caller.tenant, DECISIONS_FROM), slots)
        return _sent(edge, caller, request, body, None, keys)

    def items(self, edge: Edge, tenant: str, cohort: Cohort, slot: str, limit: int) -> Found:
        """The items with a score each that compares within the reply only, and the rung that they stand on."""
        shelf, popular = edge.live.get(tenant, SHELF), edge.live.get(tenant, POPULAR)
        if shelf is None:
            return "global", []
        rung, numbers = _pool(shelf.value, popular.value if popular else None, cohort, edge, max(MOST, limit))
        bound = self._live_rules(edge).of(tenant)
        circumstances, now_ms = Circumstances(slot, cohort.context), edge.now_ms()
        if bound is not None:
            known = set(numbers)
            numbers += [n for n in bound.pins(circumstances, cohort.bits, now_ms) if n not in known]
        scores = 1.0 - np.arange(len(numbers)) / max(1, len(numbers))
        places: Sequence[int] = range(min(limit, len(numbers)))
        if bound is not None:
            items = np.array(numbers, dtype=np.int32)
            places = bound.arrange(items, scores, circumstances, cohort.bits, now_ms, limit).places
        ids = shelf.value.ids
        return rung, [ScoredItem(ids[numbers[place]], round(float(scores[place]), 4)) for place in places]

    def _live_rules(self, edge: Edge) -> LiveRules:
        if self._rules is None:
            self._rules = LiveRules(edge.live, lambda: edge.catalogue)
        return self._rules


def _cohort(edge: Edge, request: Request) -> Cohort:
    return decode_cohort(request.path_params["cohort"], edge.catalogue.names)


def _pool(shelf: Shelf, popular: Popular | None, cohort: Cohort, edge: Edge, most: int) -> tuple[Rung, list[int]]:
    """At most so many available items by number, best first, from the narrowest list to the widest; the rung of the first."""
    found: dict[int, None] = {}
    first: Rung | None = None
    for rung, ids in _lists(popular, cohort, edge):
        numbers = [n for n in shelf.numbers(ids) if shelf.available[n]]
        if numbers and first is None:
            first = rung
        found.update(dict.fromkeys(numbers))
        if len(found) >= most:
            break
    else:
        found.update(dict.fromkeys(shelf.popular[: most + len(found)].tolist()))
    return first or "global", list(found)[:most]


def _lists(popular: Popular | None, cohort: Cohort, edge: Edge) -> Iterator[tuple[Rung, list[str]]]:
    if popular is None:
        return
    names = [s.name for s in edge.catalogue.segments if cohort.bits >> s.bit & 1]
    listed = next((n for n in names if n in popular.segments or segment_key(n) in popular.trending), None)
    if listed is not None:
        yield "segment", _ids(popular.segments.get(listed, ()))
        yield "segment", _ids(popular.trending.get(segment_key(listed), ()))
    country = dict(cohort.context).get("country", "")
    yield "global", _ids(popular.trending.get(country_key(country), ()))
    yield "global", _ids(popular.everybody)


def _ids(entries: Collection[tuple[str, float]]) -> list[str]:
    return [item_id for item_id, _score in entries]


def _numbers(edge: Edge, tenant: str, kinds: Collection[str]) -> list[tuple[str, int]]:
    return [(kind, loaded.number) for kind in kinds if (loaded := edge.live.get(tenant, kind)) is not None]


def _keys(
    tenant: str,
    kinds: Collection[str],
    numbers: Collection[tuple[str, int]],
    slots: Collection[str],
    ids: Collection[str] = (),
) -> tuple[str, ...]:
    depends = [*(kind_key(tenant, kind) for kind in kinds), kind_key(OWNER, CATALOGUE)]
    return (*surrogate_keys(tenant, numbers, ids).split(), *depends, *(slot_key(tenant, slot) for slot in slots))


def _sent(
    edge: Edge, caller: Caller, request: Request, body: bytes, rung: Rung | None, keys: tuple[str, ...]
) -> RawReply:
    version = cache_version(edge, caller.tenant)
    asked_for = request.headers.get(VERSION_HEADER.decode())
    cdn = edge.settings.cdn
    shared = Shared(0, cdn.stale_s, keys, VARY, cdn.ttl_s, cdn.error_s)
    ours = asked_for is None or asked_for == version
    headers: Headers = (
        (b"content-type", b"application/json"),
        (VERSION_HEADER, version.encode()),
        *(() if rung is None else ((b"rayce-served", rung.encode()),)),
        *(shared_headers(shared, body) if ours else caching_headers(Personal(), body)),
    )
    if is_known(request.headers.get("if-none-match"), etag_of(body)):
        return RawReply(NOT_MODIFIED, list(not_modified(headers)), b"")
    return RawReply(200, list(headers), body)
