"""The front of the edge: the one hot call is answered without routing; everything else goes to the application behind it.

`GET /v1/users/{user_id}/segments` without a query is what pages ask for most; routing and the request object would cost
more than the answer (docs/decisions/0006). Same handlers, same guard, same replies as the route in the table.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.edge.edge import Edge
from deployments.edge.requests import plain, reply
from deployments.edge.users import MAX_USER_ID, segments_of

HEAD, TAIL = "/v1/users/", "/segments"
ROUTE = "/v1/users/{user_id}/segments"


class Look(NamedTuple):
    """A hot call: the user and the caller's `Authorization`."""

    user: str
    authorization: str | None


Guard = Callable[[str, Callable[[Look], Awaitable[Response]], Look], Awaitable[Response]]


class Front:
    """An ASGI application in front of another."""

    def __init__(self, edge: Edge, guard: Guard, behind: ASGIApp) -> None:
        self._edge = edge
        self._guard = guard
        self._behind = behind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the hot call, or pass on."""
        user = _hot_user(scope)
        if user is None:
            await self._behind(scope, receive, send)
            return
        response = await self._guard(ROUTE, self._answer, Look(user, _authorization(scope)))
        await response(scope, receive, send)

    async def _answer(self, look: Look) -> Response:
        edge = self._edge
        caller = edge.callers.find(look.authorization, "read")
        found, rung = await segments_of(edge, caller, look.user, edge.now_ms())
        return reply(found, headers={"rayce-served": rung})


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
