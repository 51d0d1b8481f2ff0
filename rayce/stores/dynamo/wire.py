"""DynamoDB's protocol without botocore, for the calls of the hot path (docs/decisions/0007).

A request is signed, sent over a kept connection and answered with a status and a body; what they mean is `Connection`'s
affair. Nothing is retried, except on a new connection where a kept one was closed before the first byte of the reply: so
only calls that may be made twice belong here.
"""

import base64
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from rayce.stores.dynamo.http_link import Address, ClosedUnanswered, HttpLink, Reply
from rayce.stores.dynamo.signature import Identity, Signer

MAX_IDLE = 16


class Wire:
    """Connections to one endpoint, as many as there are threads that ask at once. Raises `OSError`."""

    def __init__(
        self,
        url: str,
        region: str,
        identity: Callable[[], Identity],
        timeout_s: float,
        authorities: str | None = None,
        proxy_url: str | None = None,
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        parts, proxy = urlsplit(url), urlsplit(proxy_url or "")
        secure = parts.scheme == "https"
        context = ssl.create_default_context(cafile=authorities) if secure else None
        through = (proxy.hostname, proxy.port or 80) if proxy.hostname and secure else None
        password = base64.b64encode(
            f"{unquote(proxy.username or '')}:{unquote(proxy.password or '')}".encode()
        ).decode()
        fields = f"proxy-authorization: Basic {password}\r\n" if proxy.username else ""
        port = parts.port or (443 if secure else 80)
        host = parts.hostname or ""
        shown = f"[{host}]" if ":" in host else host
        self._address = Address(host, port, context, through, fields)
        self._path = parts.path or "/"
        self._signer = Signer(shown if port == (443 if secure else 80) else f"{shown}:{port}", region, self._path)
        self._identity, self._timeout_s, self._clock_s = identity, timeout_s, clock_s
        self._idle: deque[HttpLink] = deque()  # the last one used is the next: the others may grow old and be closed
        self._full = threading.Lock()

    def ask(self, operation: str, body: bytes) -> Reply:
        """One call, over after the time given at the latest."""
        deadline_s = time.monotonic() + self._timeout_s
        request = self._request(operation, body)
        if (kept := self._kept()) is not None:
            try:
                return self._over(kept, request, deadline_s)
            except ClosedUnanswered:
                pass  # the server had tired of the idle connection
        return self._over(HttpLink(self._address, deadline_s), request, deadline_s)

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()

    def _kept(self) -> HttpLink | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _over(self, link: HttpLink, request: bytes, deadline_s: float) -> Reply:
        reply = link.ask(request, deadline_s)
        if link.usable:
            self._keep(link)
        return reply

    def _keep(self, link: HttpLink) -> None:
        with self._full:
            if len(self._idle) < MAX_IDLE:
                self._idle.append(link)
                return
        link.close()

    def _request(self, operation: str, body: bytes) -> bytes:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock_s()))
        signed = self._signer.headers(self._identity(), stamp, operation, body)
        head = f"POST {self._path} HTTP/1.1\r\n{signed}content-length: {len(body)}\r\n\r\n"
        return head.encode() + body
