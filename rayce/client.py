"""The typed client of rayce's HTTP API, version 1: what a shop holds. It knows nothing of rayce but the values of its replies.

`RayceClient` is for asyncio, `SyncRayceClient` for everything else; they have the same calls. A call is one HTTP request on a
connection that is kept, with one deadline for all of it. Nothing is retried, because only the caller knows what may be sent
twice; `track` is the exception: events that wait in the background have an id and are sent until the log has them. Replies
tolerate fields this version does not know. Whatever the server answers with 400 or more is `RayceHTTPError`; no answer at
all is `RayceUnreachable`. Where the API says 404 for "nothing may be known", the call returns None.

A page never breaks: calls with a `fallback` never raise, and take no longer than `page_timeout_s`.

    async with RayceClient("http://127.0.0.1:8000", key) as rayce:
        await rayce.put_consent("ada", personalization=True, training=True)
        rayce.track({"type": "view", "user_id": "ada", "items": [{"item_id": "p1"}]})
        reply = await rayce.recommendations("ada", limit=10, fallback=["p1", "p2"])
"""

from rayce.async_client import RayceClient
from rayce.client_errors import Problem, RayceClientError, RayceHTTPError, RayceUnreachable
from rayce.forwarding import forwarded
from rayce.replies import (
    Bought,
    ConsentRecord,
    Decisions,
    EventsReply,
    Explained,
    Flags,
    Item,
    ItemList,
    ItemsReply,
    Lookup,
    MembersPage,
    Profile,
    RankedItems,
    Recommendations,
    RecommendedItem,
    RowError,
    SegmentOverlap,
    SegmentReport,
    SegmentSize,
    SegmentSizes,
    SlotDecision,
    Why,
)
from rayce.sync_client import SyncRayceClient

__all__ = [
    "Bought",
    "ConsentRecord",
    "Decisions",
    "EventsReply",
    "Explained",
    "Flags",
    "Item",
    "ItemList",
    "ItemsReply",
    "Lookup",
    "MembersPage",
    "Problem",
    "Profile",
    "RankedItems",
    "RayceClient",
    "RayceClientError",
    "RayceHTTPError",
    "RayceUnreachable",
    "Recommendations",
    "RecommendedItem",
    "RowError",
    "SegmentOverlap",
    "SegmentReport",
    "SegmentSize",
    "SegmentSizes",
    "SlotDecision",
    "SyncRayceClient",
    "Why",
    "forwarded",
]
