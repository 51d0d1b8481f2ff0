"""The front of the edge: the two hot calls are answered without routing; everything else goes to the application behind it.

`GET /v1/users/{user_id}/segments` without a query, and `POST /v1/events`, are what pages send most; routing and the request
object would cost more than the answer (docs/decisions/0006). Same guard, same replies as the routes in the table. Whose flags
this process keeps is answered on the spot, without the guard: nothing is waited for, and nothing in it can fail.
"""

import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.edge.edge import Edge
from deployments.edge.events import post_events
from deployments.edge.raw_reply import RawReply
from deployments.edge.requests import plain, reply
from deployments.edge.schemas import Segments
from deployments.edge.segment_bodies import SegmentBodies
from deployments.edge.users import MAX_USER_ID, unknown_user, within_s
from rayce.errors import Unavailable

T = TypeVar("T")

HEAD, TAIL = "/v1/users/", "/segments"
ROUTE = "/v1/users/{user_id}/segments"
EVENTS = "/v1/events"


class Look(NamedTuple):
    """A hot call: the user and the caller's `Authorization`."""

    user: str
    authorization: str | None


class Guard(Protocol):
    """See `Server.guard`."""

    def __call__(self, path: str, work: Callable[[T], Awaitable[Response]], argument: T) -> Awaitable[Response]:
        """The reply of `work(argument)`, guarded."""
        ...


class Front:
    """An ASGI application in front of another."""

    def __init__(self, edge: Edge, guard: Guard, behind: ASGIApp) -> None:
        self._edge = edge
        self._guard = guard
        self._behind = behind
        self._bodies = SegmentBodies()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the hot call, or pass on."""
        if _is_events(scope):
            response = await self._guard(EVENTS, self._take, Request(scope, receive))
        elif (user := _hot_user(scope)) is not None:
            look = Look(user, _authorization(scope))
            response = self._at_once(look) or await self._guard(ROUTE, self._answer, look)
        else:
            await self._behind(scope, receive, send)
            return
        await response(scope, receive, send)

    async def _take(self, request: Request) -> Response:
        caller = self._edge.callers.find(_authorization(request.scope), "events")
        return await post_events(self._edge, caller, request)

    def _at_once(self, look: Look) -> RawReply | None:
        """The reply where the flags are kept and the caller is known; None: the long way will say."""
        started_s = time.perf_counter()
        edge = self._edge
        caller = edge.callers.known(look.authorization)
        if caller is None or "read" not in caller.scopes:
            return None
        found = edge.people.kept_flags(edge.pseudonymizer.person(caller.tenant, look.user))
        if found is None or found.value is None:
            return None
        reply = self._reply(look.user, found.value)
        took_s = time.perf_counter() - started_s
        edge.metrics.add("rayce_requests_total", 1, ROUTE, "200")
        edge.metrics.observe("rayce_request_seconds", took_s, ROUTE)
        reply.headers["server-timing"] = "total;dur=%.2f" % (took_s * 1000)
        return reply

    async def _answer(self, look: Look) -> Response:
        edge = self._edge
        caller = edge.callers.find(look.authorization, "read")
        try:
            found = await edge.people.flags(edge.pseudonymizer.person(caller.tenant, look.user), within_s(edge))
        except Unavailable:
            nothing = Segments(look.user, [], [], edge.catalogue.version, None)
            return reply(nothing, headers={"rayce-served": "global"})
        if found.value is None:
            raise unknown_user(look.user)
        return self._reply(look.user, found.value)  # type: ignore[return-value]  # all that a guard and a server ask of it

    def _reply(self, user: str, flags: bytes) -> RawReply:
        body = self._bodies.body(user, flags, self._edge.catalogue, self._edge.now_ms())
        return RawReply(200, [(b"rayce-served", b"live"), (b"content-type", b"application/json")], body)


def _is_events(scope: Scope) -> bool:
    return bool(
        scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == EVENTS and not scope.get("root_path")
    )


def _hot_user(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] != "GET" or scope["query_string"] or scope.get("root_path"):
        return None
    path: str = scope["path"]
    if not path.startswith(HEAD) or not path.endswith(TAIL):
        return None
    user = path[len(HEAD) : -len(TAIL)]
    return user if 1 <= len(user) <= MAX_USER_ID and plain(user) and "/" not in user else None


def _authorization(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            found: str = value.decode("latin-1")
            return found
    return None
