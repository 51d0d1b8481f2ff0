"""`…/recommendations`: wish → consent and profile → candidates and ranking, or the next rung of the ladder."""

from msgspec import UNSET, Struct
from starlette.requests import Request
from starlette.responses import Response

from deployments.edge.callers import Caller
from deployments.edge.edge import Edge
from deployments.edge.ladder import Ladder, Rungs
from deployments.edge.requests import path_id, read_json, read_query, reply
from deployments.edge.schemas import Limit, Moment, Recommendations, Recommended, RecommendIn, Slot
from deployments.edge.users import MAX_USER_ID
from rayce.candidates import Wish


class RecommendQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Query of the GET form."""

    slot: Slot = "default"
    limit: Limit = 10
    explain: bool = False
    at: Moment | None = None


class Recommender:
    """Both forms of the call over one ladder."""

    def __init__(self, ladder: Ladder) -> None:
        self._ladder = ladder

    async def get(self, edge: Edge, caller: Caller, request: Request) -> Response:
        """For a user, by path."""
        user = path_id(request, "user_id", MAX_USER_ID)
        asked = read_query(request, RecommendQuery)
        wish = RecommendIn(user_id=user, slot=asked.slot, limit=asked.limit, explain=asked.explain, at=asked.at)
        return await self._answer(edge, caller, wish)

    async def post(self, edge: Edge, caller: Caller, request: Request) -> Response:
        """With everything a page may know."""
        wish = await read_json(request, RecommendIn, edge.settings.edge.max_body_bytes)
        return await self._answer(edge, caller, wish)

    async def _answer(self, edge: Edge, caller: Caller, asked: RecommendIn) -> Response:
        person = edge.pseudonymizer.person(caller.tenant, asked.user_id) if asked.user_id is not None else None
        wish = Wish(
            limit=asked.limit,
            exclude=asked.exclude,
            categories=asked.categories,
            candidates=asked.candidates,
            session_items=asked.session_items,
            suppress_s=edge.settings.serving.suppress_purchased_s,
        )
        now_ms = edge.now_ms() if asked.at is None else asked.at
        found: Rungs = await self._ladder.climb(edge, caller.tenant, person, asked.slot, wish, now_ms)
        edge.metrics.add("rayce_served_total", 1, found.rung)
        items = [
            Recommended(item.item_id, item.score, item.source, item.because)
            if asked.explain
            else Recommended(item.item_id, item.score, UNSET, UNSET)
            for item in found.items
        ]
        body = Recommendations(
            asked.user_id, asked.slot, items, found.rung, found.personal, edge.live.numbers(caller.tenant)
        )
        headers = {"rayce-served": found.rung, "cache-control": "private, no-store"}
        return reply(body, headers=headers)
