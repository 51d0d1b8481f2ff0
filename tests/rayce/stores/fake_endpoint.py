"""An HTTP server of raw bytes: what it sends is up to the test, so it can misbehave in every way."""

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self


class Request(NamedTuple):
    """What came in; `connection` counts from 1."""

    connection: int
    head: str
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        lines = self.head.split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}


Answer = Callable[[Request], bytes | None]
"""The bytes to send; None: close the connection without a word; b"": say nothing and leave it open."""


def ok(body: bytes, status: str = "200 OK", fields: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body


class FakeEndpoint:
    """Listens on loopback while in use."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None) -> None:
        self.answer, self.requests, self.connections = answer, list[Request](), 0
        self.pieces = 1 << 20
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Close every open connection, as a server does with idle ones."""
        while self._open:
            link = self._open.pop()
            with suppress(OSError):  # it may be closed already
                link.shutdown(socket.SHUT_RDWR)
            link.close()

    def _listen(self) -> None:
        while True:
            try:
                link, _address = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(link, self.connections), daemon=True).start()

    def _serve(self, link: socket.socket, number: int) -> None:
        try:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context:
                link = self._context.wrap_socket(link, server_side=True)
            self._open.append(link)
            with link, link.makefile("rb") as file:
                while self._exchange(link, file, number):
                    pass
        except (OSError, ValueError):
            pass  # the client or the test has closed it

    def _exchange(self, link: socket.socket, file: "socket.SocketIO | object", number: int) -> bool:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = file.readline()  # type: ignore[union-attr]
            if not line:
                return False
            head += line
        request = Request(number, head.decode().rstrip("\r\n"), b"")
        request = request._replace(body=file.read(int(request.fields.get("content-length", "0"))))  # type: ignore[union-attr]
        self.requests.append(request)
        reply = self.answer(request)
        if reply is None:
            link.shutdown(socket.SHUT_RDWR)
            return False
        for at in range(0, len(reply), self.pieces):
            link.sendall(reply[at : at + self.pieces])
        return True
