"""One keep-alive HTTP/1.1 connection: a request goes out whole, its reply comes back whole, all before one deadline.

It knows what DynamoDB's endpoints send and no more: a status, a length or chunks, a body. Anything else is an `OSError`.
"""

import socket
import ssl
import time
from typing import NamedTuple

MAX_HEAD_BYTES, MAX_REPLY_BYTES = 64 * 1024, 32 * 1024 * 1024
RECEIVE_BYTES = 64 * 1024


class Reply(NamedTuple):
    """Status and body."""

    status: int
    body: bytes | bytearray


class ClosedUnanswered(OSError):
    """The server closed the connection before the first byte of a reply. Ask again, once, on a new one."""


class Address(NamedTuple):
    """Where to connect; `through` is the host and port of an HTTP proxy that is asked for a tunnel."""

    host: str
    port: int
    context: ssl.SSLContext | None = None
    through: tuple[str, int] | None = None
    proxy_fields: str = ""


class HttpLink:
    """An open connection; `usable` until something went wrong or the server said that it closes. One thread at a time."""

    def __init__(self, address: Address, deadline_s: float) -> None:
        """Connect. `deadline_s` is a reading of `time.monotonic`. Raises `OSError`."""
        self.usable = True
        self._held = bytearray()
        self._socket = _connected(*(address.through or (address.host, address.port)), deadline_s)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if address.through:
                self._tunnel(f"{address.host}:{address.port}", address.proxy_fields, deadline_s)
            if address.context:
                self._socket.settimeout(_left(deadline_s))
                self._socket = address.context.wrap_socket(self._socket, server_hostname=address.host)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it."""
        self.usable = False
        self._socket.close()

    def ask(self, request: bytes, deadline_s: float) -> Reply:
        """Send and receive. Raises `OSError`; then the connection is closed."""
        try:
            self._send(request, deadline_s)
            return self._receive(deadline_s)
        except BaseException:  # also an interrupt: what comes back later would be taken for the next request's reply
            self.close()
            raise

    def _send(self, request: bytes, deadline_s: float) -> None:
        self._socket.settimeout(_left(deadline_s))
        try:
            self._socket.sendall(request)
        except (ConnectionError, ssl.SSLError) as error:
            raise ClosedUnanswered(str(error)) from None

    def _receive(self, deadline_s: float) -> Reply:
        try:
            self._more(deadline_s)
        except ConnectionError as error:
            raise ClosedUnanswered(str(error)) from None
        status, fields = _head(self._until(b"\r\n\r\n", deadline_s))
        if fields.get(b"transfer-encoding", b"identity").lower() == b"chunked":
            body = self._chunks(deadline_s)
        else:
            body = self._exactly(_length(fields.get(b"content-length", b""), 10), deadline_s)
        if fields.get(b"connection", b"").lower() == b"close" or self._held:
            self.close()
        return Reply(status, body)

    def _more(self, deadline_s: float) -> None:
        self._socket.settimeout(_left(deadline_s))
        data = self._socket.recv(RECEIVE_BYTES)
        if not data:
            raise ConnectionError("closed by the server")
        self._held += data

    def _until(self, end: bytes, deadline_s: float) -> bytes:
        """What comes before `end`, which is dropped."""
        while (at := self._held.find(end)) < 0:
            if len(self._held) > MAX_HEAD_BYTES:
                raise OSError("no HTTP")
            self._more(deadline_s)
        found = bytes(self._held[:at])
        del self._held[: at + len(end)]
        return found

    def _exactly(self, size: int, deadline_s: float) -> bytearray:
        """The next `size` bytes, received where they stay."""
        held = self._held[:size]
        del self._held[:size]
        have = len(held)
        if have == size:
            return held
        held.extend(bytes(size - have))
        with memoryview(held) as whole:
            while have < size:
                self._socket.settimeout(_left(deadline_s))
                count = self._socket.recv_into(whole[have:])
                if not count:
                    raise ConnectionError("closed by the server within a reply")
                have += count
        return held

    def _chunks(self, deadline_s: float) -> bytearray:
        body = bytearray()
        while size := _length(self._until(b"\r\n", deadline_s).partition(b";")[0], 16):
            body += self._exactly(size, deadline_s)
            self._until(b"\r\n", deadline_s)
            if len(body) > MAX_REPLY_BYTES:
                raise OSError("the reply is too large")
        while self._until(b"\r\n", deadline_s):
            pass  # trailing fields
        return body

    def _tunnel(self, target: str, fields: str, deadline_s: float) -> None:
        self._send(f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{fields}\r\n".encode(), deadline_s)
        status, _fields = _head(self._until(b"\r\n\r\n", deadline_s))
        if status != 200:
            raise OSError(f"the proxy answers {status}")


def _connected(host: str, port: int, deadline_s: float) -> socket.socket:
    """The first of the host's addresses that answers; each has its share of the time, or one that is dead would have all."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure = OSError(f"{host} has no address")
    for n, (family, kind, protocol, _name, place) in enumerate(found):
        link = socket.socket(family, kind, protocol)
        try:
            link.settimeout(_left(deadline_s) / (len(found) - n))
            link.connect(place)
        except OSError as error:
            failure = error
            link.close()
        else:
            return link
    raise failure


def _left(deadline_s: float) -> float:
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("timed out")
    return left_s


def _head(head: bytes) -> tuple[int, dict[bytes, bytes]]:
    first, *lines = head.split(b"\r\n")
    if not first.startswith(b"HTTP/1.1 ") or not first[9:12].isdigit():
        raise OSError("no HTTP/1.1")
    fields = {}
    for line in lines:
        name, _colon, value = line.partition(b":")
        fields[name.lower()] = value.strip()
    return int(first[9:12]), fields


def _length(text: bytes, base: int) -> int:
    try:
        size = int(text, base)
    except ValueError:
        raise OSError("a reply without a length") from None
    if not 0 <= size <= MAX_REPLY_BYTES:
        raise OSError("the reply is too large")
    return size
