"""A reply as ASGI sends it: for calls where making a Starlette `Response` costs more than the answer."""

from starlette.types import Receive, Scope, Send

NOT_MODIFIED = 304
Headers = list[tuple[bytes, bytes]]


class RawReply:
    """Stands in for a Starlette `Response` where it is only sent; `headers` takes more of them, each once."""

    __slots__ = ("_headers", "_steps", "body", "status_code")

    def __init__(self, status_code: int, headers: Headers, body: bytes, steps: str = "") -> None:
        """`headers` without the length of the body; the list becomes the reply's own. `steps` come before the total in
        `server-timing`.
        """
        self._steps = steps
        self.status_code = status_code
        self.body = body
        if status_code != NOT_MODIFIED:
            headers.append((b"content-length", b"%d" % len(body)))
        self._headers = headers

    @property
    def headers(self) -> "RawReply":
        """To set a header by name."""
        return self

    def __setitem__(self, name: str, value: str) -> None:
        if self._steps and name == "server-timing":
            value = f"{self._steps}, {value}"
        self._headers.append((name.encode("latin-1"), value.encode("latin-1")))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self._headers})
        await send({"type": "http.response.body", "body": self.body})
