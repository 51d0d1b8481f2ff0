"""A lean HTTP/1.1 client for load: keep-alive connections on the event loop, about 40 µs a request; loopback only."""

import asyncio
from collections import deque
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import httptools
import msgspec


class Reply(NamedTuple):
    """Status 0 means that the connection broke."""

    status: int
    body: bytes

    def json(self) -> dict[str, object]:
        """The body."""
        found: dict[str, object] = msgspec.json.decode(self.body)
        return found


class Wire:
    """Sends requests over a pool of connections that grows with demand. A broken connection gives status 0, no retry."""

    def __init__(self, url: str, api_key: str, timeout_s: float = 10.0) -> None:
        parts = urlsplit(url)
        assert parts.hostname in ("127.0.0.1", "localhost", "::1"), "load goes to this machine only"
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._head = f"Host: {parts.netloc}\r\nAuthorization: Bearer {api_key}\r\n"
        self._timeout_s = timeout_s
        self._idle: deque[_Connection] = deque()

    async def get(self, path: str) -> Reply:
        """GET."""
        return await self._send(f"GET {path} HTTP/1.1\r\n{self._head}\r\n".encode())

    async def send(self, method: str, path: str, value: object) -> Reply:
        """A request with a JSON body."""
        body = msgspec.json.encode(value)
        head = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return await self._send(head.encode() + body)

    async def _send(self, data: bytes) -> Reply:
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = self._kept() or await self._connect()
                reply = await connection.ask(data)
        except (OSError, TimeoutError):
            return Reply(0, b"")
        if connection.open:
            self._idle.append(connection)
        return reply

    def _kept(self) -> "_Connection | None":
        """One that is still open: the proxy closes those that nobody has used for long."""
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        return None

    async def _connect(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        _transport, connection = await loop.create_connection(_Connection, self._host, self._port)
        return connection

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.open = True
        self._reply: asyncio.Future[Reply] | None = None
        self._body: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    async def ask(self, data: bytes) -> Reply:
        self._reply = asyncio.get_running_loop().create_future()
        self._body.clear()
        if not self.open:
            return Reply(0, b"")
        self._transport.write(data)
        try:
            return await self._reply
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        self.open = False
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(Reply(0, b""))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.close()
        status = self._parser.get_status_code()
        self._parser = httptools.HttpResponseParser(self)
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(Reply(status, b"".join(self._body)))
