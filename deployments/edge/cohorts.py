"""`…/cohort`: which cohort somebody is in, for a content network that then asks for what the whole cohort gets.

The reply is one person's, and never shared; what is asked for with it (`deployments.edge.cohort_content`) knows no person.
Without consent, or where no store can tell, the cohort is that of the circumstances alone.
"""

import time
from typing import NamedTuple

from starlette.requests import Request

from deployments.edge.cache_version import VERSION_HEADER, cache_version
from deployments.edge.callers import Caller
from deployments.edge.conditional import Personal, caching_headers
from deployments.edge.decisions import NOBODY, known_of
from deployments.edge.edge import Edge
from deployments.edge.priorities import ticket_of
from deployments.edge.raw_reply import RawReply
from deployments.edge.requests import encode, path_id
from deployments.edge.schemas import CohortOut
from deployments.edge.segment_sizes import SegmentSizes
from deployments.edge.segments import told_sizes
from deployments.edge.shelf_calls import POPULAR
from deployments.edge.users import MAX_USER_ID
from rayce.circumstances import Words
from rayce.cohort import Cohort, cohort_of, encode_cohort
from rayce.cohort_relevance import Relevance, relevance
from rayce.documents import RULES, SLOTS
from rayce.generations import Loaded
from rayce.segments.catalogue import Catalogue


class _Kept(NamedTuple):
    made_from: tuple[Loaded | None, Loaded | None, Loaded | None, Catalogue]
    relevance: Relevance


class Cohorts:
    """Answers the calls; remembers what tells cohorts apart, and how large segments are. Belongs to one event loop."""

    def __init__(self) -> None:
        self._relevance: dict[str, _Kept] = {}
        self._sizes: SegmentSizes | None = None

    async def get_cohort(self, edge: Edge, caller: Caller, request: Request) -> RawReply:
        """The cohort of somebody of whom nothing is known: of the request's context alone."""
        return await self._reply(edge, caller, request, None)

    async def get_users_cohort(self, edge: Edge, caller: Caller, request: Request) -> RawReply:
        """The cohort of a user; of the request's context alone where nothing may be known. In the header `rayce-cohort` too."""
        return await self._reply(edge, caller, request, path_id(request, "user_id", MAX_USER_ID))

    async def _reply(self, edge: Edge, caller: Caller, request: Request, user: str | None) -> RawReply:
        now_ms = edge.now_ms()
        context = edge.contexts.of(request.scope, now_ms)
        known = NOBODY
        if user is not None:
            known = await known_of(edge, caller.tenant, user, now_ms, ticket_of(request.scope))
        token = encode_cohort(await self._cohort(edge, caller.tenant, known.bits, context))
        body = encode(CohortOut(token, known.rung, known.person is not None))
        headers = [
            (b"content-type", b"application/json"),
            (b"rayce-cohort", token.encode()),
            (b"rayce-served", known.rung.encode()),
            (VERSION_HEADER, cache_version(edge, caller.tenant).encode()),
            *caching_headers(Personal(), body),
        ]
        return RawReply(200, headers, body)

    async def _cohort(self, edge: Edge, tenant: str, bits: int, context: Words) -> Cohort:
        relevant = self._relevant(edge, tenant)
        sizes, by_bit = self._sizes_of(edge), edge.catalogue.names
        if bits:
            await sizes.known()
        segments, least = edge.catalogue.by_name, edge.settings.cdn.min_cohort
        return cohort_of(
            bits,
            context,
            relevant.wanted(bits),
            relevant.words,
            lambda bit, others: sizes.has_enough(
                tenant, segments[by_bit[bit]], [segments[by_bit[other]] for other in others], least
            ),
        )

    def _relevant(self, edge: Edge, tenant: str) -> Relevance:
        rules, slots, popular = (edge.live.get(tenant, kind) for kind in (RULES, SLOTS, POPULAR))
        made_from = (rules, slots, popular, edge.catalogue)
        kept = self._relevance.get(tenant)
        if kept is None or any(a is not b for a, b in zip(kept.made_from, made_from, strict=True)):
            found = relevance(
                rules.value.rules if rules else (),
                slots.value.slots if slots else (),
                popular.value if popular else None,
                edge.catalogue,
            )
            self._relevance[tenant] = kept = _Kept(made_from, found)
        return kept.relevance

    def _sizes_of(self, edge: Edge) -> SegmentSizes:
        if self._sizes is None:
            self._sizes = SegmentSizes(lambda: told_sizes(edge), time.monotonic)
        return self._sizes
