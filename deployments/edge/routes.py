"""The table of routes: what the server serves and `/openapi.json` describes."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NamedTuple

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from deployments.edge import items, members, operations, schemas, segments, shelf_calls, users
from deployments.edge.beacon import Beacon, post_beacon
from deployments.edge.callers import Caller
from deployments.edge.cohort_content import CohortContent, CohortQuery, CohortSlotsQuery
from deployments.edge.cohorts import Cohorts
from deployments.edge.decisions import post_decisions
from deployments.edge.edge import Edge
from deployments.edge.events import post_events
from deployments.edge.explaining import Explainer, SegmentsQuery
from deployments.edge.ladder import Ladder
from deployments.edge.raw_reply import RawReply
from deployments.edge.recommendations import Recommender, RecommendQuery
from rayce.ingest import EventIn
from rayce.item import Item, ItemIn

Handler = Callable[[Edge, Any, Request], Awaitable[Response | RawReply]]
Items = Annotated[list[ItemIn], Meta(min_length=1)]
OPEN = ""
"""Scope of routes that need no key."""


class Route(NamedTuple):
    """One call: method, path, handler, the scope it needs, and its types for the description."""

    method: str
    path: str
    handler: Handler
    scope: str
    summary: str
    reply: type | None = None
    body: Any = None
    query: type | None = None
    status: int = 200
    lines: bool = False
    """Whether the body may come as JSON lines too."""
    keyed: bool = False
    """Whether the key stands in the body."""
    validated: bool = False
    """Whether replies carry an `ETag`, and who sends it back may get 304."""
    conflict: str = ""
    """When the reply is 409; "" where it never is."""


def routes(ladder: Ladder) -> list[Route]:
    """Every call of version 1."""
    recommend = Recommender(ladder)
    cohorts, content = Cohorts(), CohortContent()
    user = "/v1/users/{user_id}"
    return [
        Route(
            "POST",
            "/v1/events",
            post_events,
            "events",
            "Send one event, an array, or JSON lines",
            schemas.Accepted,
            EventIn | Annotated[list[EventIn], Meta(min_length=1)],
            status=202,
            lines=True,
        ),
        Route(
            "POST",
            "/v1/beacon",
            post_beacon,
            OPEN,
            "Send events of a page that goes; the key is in the body",
            schemas.Accepted,
            Beacon,
            status=202,
            keyed=True,
        ),
        Route(
            "GET",
            f"{user}/segments",
            Explainer().get_segments,
            "read",
            "Segments of a user, and why",
            schemas.Segments,
            None,
            SegmentsQuery,
        ),
        Route(
            "POST",
            "/v1/segments/lookup",
            users.lookup_segments,
            "read",
            "Segments of many users",
            schemas.Lookup,
            schemas.LookupIn,
        ),
        Route("GET", "/v1/segments", segments.get_all_segments, "read", "Sizes of all segments", schemas.SegmentsOut),
        Route(
            "GET",
            "/v1/segments/{name}",
            segments.get_segment,
            "read",
            "Size and overlaps of a segment",
            schemas.SegmentDetail,
        ),
        Route(
            "GET",
            "/v1/segments/{name}/members",
            members.get_members,
            "read",
            "Members of a segment that keeps a list",
            schemas.SegmentMembers,
            None,
            members.MembersQuery,
            conflict="The segment keeps no list of its members",
        ),
        Route(
            "GET",
            f"{user}/profile",
            users.get_profile,
            "read",
            "Features of a user",
            schemas.ProfileOut,
            None,
            users.AsOf,
        ),
        Route(
            "GET",
            f"{user}/recommendations",
            recommend.get_recommendations,
            "page",
            "Recommendations for a user",
            schemas.Recommendations,
            None,
            RecommendQuery,
            validated=True,
        ),
        Route(
            "POST",
            "/v1/recommendations",
            recommend.post_recommendations,
            "page",
            "Recommendations for what a page knows",
            schemas.Recommendations,
            schemas.RecommendIn,
        ),
        Route(
            "POST",
            "/v1/rank",
            recommend.post_rank,
            "page",
            "The caller's own items in the order for a user",
            schemas.RankedItems,
            schemas.RankIn,
        ),
        Route(
            "POST",
            "/v1/decisions",
            post_decisions,
            "page",
            "What slots of a page show",
            schemas.Decisions,
            schemas.DecideIn,
        ),
        Route("GET", f"{user}/consent", users.get_consent, "read", "What a user allows", schemas.ConsentOut),
        Route(
            "PUT",
            f"{user}/consent",
            users.put_consent,
            "consent",
            "Say what a user allows; in force once answered",
            schemas.ConsentOut,
            schemas.ConsentIn,
        ),
        Route("PUT", "/v1/items", items.put_items, "write", "Store many items", schemas.Stored, Items),
        Route("GET", "/v1/items", items.get_items, "read", "Many items", schemas.ItemsOut, None, items.ItemsQuery),
        Route("PUT", "/v1/items/{item_id}", items.put_item, "write", "Store an item", Item, schemas.ItemPatch),
        Route("GET", "/v1/items/{item_id}", items.get_item, "read", "An item", Item),
        Route("DELETE", "/v1/items/{item_id}", items.delete_item, "write", "Take an item out of the catalogue", Item),
        Route(
            "GET",
            "/v1/items/{item_id}/similar",
            shelf_calls.get_similar,
            "page",
            "What goes with an item",
            schemas.SimilarItems,
            None,
            shelf_calls.SimilarQuery,
        ),
        Route(
            "GET",
            "/v1/affinities",
            shelf_calls.get_affinities,
            "page",
            "Which categories or brands go together",
            schemas.NearKinds,
            None,
            shelf_calls.AffinitiesQuery,
        ),
        Route(
            "GET",
            "/v1/trending",
            shelf_calls.get_trending,
            "page",
            "What is wanted right now",
            schemas.TrendingItems,
            None,
            shelf_calls.TrendingQuery,
        ),
        Route("GET", "/v1/cohort", cohorts.get_cohort, "read", "The cohort of somebody unknown", schemas.CohortOut),
        Route("GET", f"{user}/cohort", cohorts.get_users_cohort, "read", "The cohort of a user", schemas.CohortOut),
        Route(
            "GET",
            "/v1/cohorts/{cohort}/recommendations",
            content.get_cohort_items,
            "read",
            "What everybody of a cohort gets",
            schemas.CohortItems,
            None,
            CohortQuery,
            validated=True,
        ),
        Route(
            "GET",
            "/v1/cohorts/{cohort}/decisions",
            content.get_cohorts_decisions,
            "read",
            "What slots show a cohort",
            schemas.CohortDecisions,
            None,
            CohortSlotsQuery,
            validated=True,
        ),
        Route("GET", "/healthz", operations.healthz, OPEN, "The process answers"),
        Route("GET", "/readyz", operations.readyz, OPEN, "What is away, what is live", schemas.Health),
        Route("GET", "/metrics", operations.metrics, OPEN, "Prometheus metrics of the whole system"),
    ]


def answer(edge: Edge, route: Route) -> Callable[[Request], Awaitable[Response]]:
    """The route's handler as an endpoint that knows its caller."""
    find, handler, scope = edge.callers.find, route.handler, route.scope

    async def endpoint(request: Request) -> Response:
        caller: Caller | None = find(request.headers.get("authorization"), scope) if scope else None
        return await handler(edge, caller, request)

    return endpoint
