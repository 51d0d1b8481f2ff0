"""Puts the edge's application before Ray's own part of a replica: that makes ids, metadata, a scope and tasks of each request,
which cost more than a look-up, or than sending somebody away.

Ray calls `middlewares` in every process that listens to HTTP, when `RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH` names it
(`cluster/environment.py`). In a replica of the edge the application is found at the first request, as Ray listens before it
says what it serves; in any other process there is none, and requests go through. What Ray would have counted, requests under
way, the edge tells the scaling policy itself. A replica that is told to go still ends what is under way: the HTTP server waits
for it. Measured in docs/decisions/0015.
"""

import asyncio
from typing import Protocol, runtime_checkable

from ray import serve
from ray.serve.exceptions import RayServeException
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

RAYS_OWN = "/-/"
"""Health of the replica, and what it serves."""


@runtime_checkable
class Hosts(Protocol):
    """A deployment that hosts an application, and the event loop that this must run on."""

    edge_app: ASGIApp
    loop: asyncio.AbstractEventLoop


def middlewares() -> list[Middleware]:
    """What Ray is to put before its own part."""
    return [Middleware(BeforeRay)]


class BeforeRay:
    """The application of the edge replica that this process is; of any other process, a hole in the wall."""

    def __init__(self, app: ASGIApp) -> None:
        self._rays = app
        self._found: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or leave it to Ray."""
        if self._found is None:
            self._found = self._look()
        is_rays = scope["type"] != "http" or scope["path"].startswith(RAYS_OWN)
        await (self._rays if is_rays else self._found or self._rays)(scope, receive, send)

    def _look(self) -> ASGIApp | None:
        """What answers here; None while it is not known what this process serves."""
        try:
            served = serve.get_replica_context().servable_object
        except RayServeException:  # Ray's own proxy
            return self._rays
        if served is None:
            return None
        is_ours = isinstance(served, Hosts) and served.loop is asyncio.get_running_loop()
        return served.edge_app if is_ours else self._rays
