"""What the shop's pages may do in a browser: load from the shop and from rayce, send forms to the shop, be framed by nobody."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class OwnPages:
    """Sets the policy, and refuses forms that other sites' pages send (Fetch Metadata; cookies are `SameSite=Lax` besides)."""

    def __init__(self, app: ASGIApp, rayce_url: str) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": (
                f"default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self' {rayce_url};"
                f" connect-src 'self' {rayce_url}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            ),
            "Referrer-Policy": "strict-origin-when-cross-origin",
            "X-Content-Type-Options": "nosniff",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                headers["Cache-Control"] = "no-cache" if scope["path"].startswith("/static/") else "private, no-store"
            await send(message)

        foreign = Headers(scope=scope).get("sec-fetch-site") in ("cross-site", "same-site")
        app = (
            PlainTextResponse("only this shop's own forms may do that", 403)
            if foreign and scope["method"] == "POST"
            else self._app
        )
        await app(scope, receive, told)
