"""Puts an edge replica's door before Ray's own part of the replica: sending a request away there costs a tenth.

Ray calls `middlewares` in every process that listens to HTTP, when `RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH` names it
(`cluster/environment.py`). In a replica of the edge the door is found at the first request, as Ray listens before it says what
it serves; anywhere else there is none, and requests go through. Measured in docs/decisions/0012.
"""

from ray import serve
from ray.serve.exceptions import RayServeException
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.edge.door import Door

NO_WATCH = (b"x-request-disconnect-disabled", b"?1")
"""Ray then starts no two tasks a request to see whether its caller has hung up: every request has a deadline here."""


def middlewares() -> list[Middleware]:
    """What Ray is to put before its own part."""
    return [Middleware(EarlyDoor)]


class EarlyDoor:
    """The door of the edge replica that this process is; of any other process, a hole in the wall."""

    def __init__(self, app: ASGIApp) -> None:
        self._behind = app
        self._found: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, or send away."""
        if self._found is None:
            self._found = self._look()
        await (self._found or self._behind)(scope, receive, send)

    def _look(self) -> ASGIApp | None:
        """The door with Ray's part behind it; None while it is not known what this process serves."""
        try:
            served = serve.get_replica_context().servable_object
        except RayServeException:  # Ray's own proxy
            return self._behind
        if served is None:
            return None
        door = getattr(served, "door", None)
        return door.before(self._unwatched) if isinstance(door, Door) else self._behind

    async def _unwatched(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["headers"] = [*scope["headers"], NO_WATCH]
        await self._behind(scope, receive, send)
