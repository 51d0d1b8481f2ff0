"""Which pages may call the edge from a browser (WHATWG Fetch, CORS): those of the origins that the settings name, nobody else.

No credentials: the edge sets no cookie and reads none. Whether a caller may do something its key says, not its origin.
"""

from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = "GET, POST, PUT"
SENT = "authorization, content-type, if-none-match, rayce-deadline-ms, rayce-priority, rayce-referrer, rayce-timezone"
"""Headers that a page may send."""
SHOWN = "etag, rayce-served, retry-after, server-timing"
"""Headers of replies that a page may read."""
PREFLIGHT_AGE_S = 7_200
"""How long a browser may remember the answer; Chromium does so no longer."""


class Cors:
    """An ASGI application around another. Pages of other origins are answered, but their browsers will not show it to them."""

    def __init__(self, app: ASGIApp, origins: Iterable[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.rstrip("/").lower().encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or let the reply say that the origin may see it."""
        origin = _header(scope, b"origin") if scope["type"] == "http" else None
        if origin is None:
            await self._app(scope, receive, send)
            return
        may = origin.lower() in self._origins
        if scope["method"] == "OPTIONS" and _header(scope, b"access-control-request-method") is not None:
            await self._preflight(origin, may)(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("origin")
                if may:
                    headers["access-control-allow-origin"] = origin.decode("latin-1")
                    headers["access-control-expose-headers"] = SHOWN
            await send(message)

        await self._app(scope, receive, told)

    def _preflight(self, origin: bytes, may: bool) -> Response:
        headers = {"vary": "origin", "cache-control": "no-store"}
        if may:
            headers |= {
                "access-control-allow-origin": origin.decode("latin-1"),
                "access-control-allow-methods": METHODS,
                "access-control-allow-headers": SENT,
                "access-control-max-age": str(PREFLIGHT_AGE_S),
            }
        return Response(status_code=204 if may else 403, headers=headers)


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    for name, value in scope["headers"]:
        if name == wanted:
            found: bytes = value
            return found
    return None
