"""The edge as an ASGI application: routes, errors as problems, timing; nothing in it knows Ray."""

import time
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import TypeVar

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp

from deployments.edge.admin.app import HEAD, admin_app
from deployments.edge.cors import Cors
from deployments.edge.edge import Edge
from deployments.edge.front import Front
from deployments.edge.ladder import Ladder
from deployments.edge.openapi import describe
from deployments.edge.problems import Problem, problem_response
from deployments.edge.routes import answer, routes
from deployments.edge.slashes import Slashes
from deployments.edge.snippet import Snippet
from rayce.errors import InvalidArtifact, InvalidInput, Unavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")
Endpoint = Callable[[Request], Awaitable[Response]]


class Server:
    """Makes the application, with the door before it."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._table = routes(Ladder(edge))

    def app(self) -> ASGIApp:
        """The application, with all that stands before it."""
        routed, origins = Slashes(self.routed()), self._edge.settings.edge.cors_origins
        front = Front(self._edge, self.guard, routed)
        guarded = self._edge.door.before(front)
        return Cors(guarded, origins) if origins else guarded

    def routed(self) -> Starlette:
        """All calls by their routes."""
        description = JSONResponse(describe(self._table))
        page = HTMLResponse((files("deployments.edge") / "docs.html").read_text(encoding="utf-8"))

        async def openapi(request: Request) -> Response:
            return description

        async def docs(request: Request) -> Response:
            return page

        found = [
            StarletteRoute(route.path, self._guarded(route.path, answer(self._edge, route)), methods=[route.method])
            for route in self._table
        ]
        found += [StarletteRoute("/openapi.json", openapi), StarletteRoute("/docs", docs)]
        found += [StarletteRoute("/rayce.js", Snippet().get)]
        admin = Mount(HEAD, admin_app(self._edge, self.guard, _http_error))
        app = Starlette(routes=[*found, admin], exception_handlers={HTTPException: _http_error})
        app.router.redirect_slashes = False
        return app

    def _guarded(self, path: str, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            return await self.guard(path, endpoint, request)

        return guarded

    async def guard(self, path: str, work: Callable[[T], Awaitable[Response]], argument: T) -> Response:
        """The reply of `work(argument)`: turns errors into problems, counts and times. Who comes here was let in."""
        metrics = self._edge.metrics
        started_s = time.perf_counter()
        try:
            response = await work(argument)
        except Problem as problem:
            response = problem_response(problem)
        except InvalidArtifact as error:  # of a newer version, or damaged: not the caller's fault
            response = problem_response(Problem(503, f"what is stored cannot be read: {error}", error.key))
        except InvalidInput as error:
            response = problem_response(Problem(422, str(error), error.key, error.value))
        except Unavailable as error:
            metrics.add("rayce_failures_total", 1, error.store)
            response = problem_response(Problem(503, f"{error.store} does not answer; try again", "store", error.store))
        except Exception:  # a bug: logged, counted as a 500, and the replica goes on
            log.exception("request_failed", path=path)
            response = problem_response(Problem(500, "this is a bug in rayce, and it was logged"))
        took_s = time.perf_counter() - started_s
        metrics.add("rayce_requests_total", 1, path, str(response.status_code))
        metrics.observe("rayce_request_seconds", took_s, path)
        response.headers["server-timing"] = f"total;dur={took_s * 1000:.2f}"
        return response


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "error"
    response = problem_response(
        Problem(status, f"{request.method} {request.url.path}: {detail}", "path", request.url.path)
    )
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response
