"""The front of the edge: the two hot calls are answered without routing; everything else goes to the application behind it.

`GET /v1/users/{user_id}/segments` without a query, and `POST /v1/events`, are what pages send most; routing and the request
object would cost more than the answer (docs/decisions/0006). Same handlers, same guard, same replies as the routes in the
table.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.edge.edge import Edge
from deployments.edge.events import post_events
from deployments.edge.requests import plain, reply
from deployments.edge.users import MAX_USER_ID, segments_of

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the hot call, or pass on."""
        if _is_events(scope):
            response = await self._guard(EVENTS, self._take, Request(scope, receive))
        elif (user := _hot_user(scope)) is not None:
            response = await self._guard(ROUTE, self._answer, Look(user, _authorization(scope)))
        else:
            await self._behind(scope, receive, send)
            return
        await response(scope, receive, send)

    async def _take(self, request: Request) -> Response:
        caller = self._edge.callers.find(_authorization(request.scope), "events")
        return await post_events(self._edge, caller, request)

    async def _answer(self, look: Look) -> Response:
        edge = self._edge
        caller = edge.callers.find(look.authorization, "read")
        found, rung = await segments_of(edge, caller, look.user, edge.now_ms())
        return reply(found, headers={"rayce-served": rung})


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
