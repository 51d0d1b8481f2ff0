"""The administration as an application of its own, behind the same door and guard as the calls of version 1."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp

from deployments.edge.admin.desk import Desk
from deployments.edge.admin.routes import HEAD, admin_routes, describe_admin
from deployments.edge.edge import Edge
from deployments.edge.front import Guard
from deployments.edge.routes import Route, answer

T = TypeVar("T")
HttpError = Callable[[Request, Exception], Awaitable[Response]]


def admin_app(edge: Edge, guard: Guard, http_error: HttpError) -> ASGIApp:
    """For mounting at `HEAD`; `guard` turns errors into problems, `http_error` what no route takes."""
    table = admin_routes(Desk(), secrets.token_bytes)
    description = JSONResponse(describe_admin(table))

    async def openapi(request: Request) -> Response:
        return description

    found = [StarletteRoute("/openapi.json", openapi)]
    found += [
        StarletteRoute(route.path.removeprefix(HEAD), _endpoint(edge, guard, route), methods=[route.method])
        for route in table
    ]
    handlers: dict[Any, Any] = {HTTPException: http_error}
    app = Starlette(routes=found, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return app


def _endpoint(edge: Edge, guard: Guard, route: Route) -> Callable[[Request], Awaitable[Response]]:
    work = answer(edge, route)

    async def endpoint(request: Request) -> Response:
        return await guard(route.path, work, request)

    return endpoint
