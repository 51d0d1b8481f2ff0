"""The blocking Redis connection of workers and jobs: a batch of commands goes out in one write, the replies are read in order.

A person shown costs about 3 µs of CPU, by redis-py's pipeline about 14, over the same hiredis codec (docs/decisions/0006). One
node, no retries: a connection that breaks or is late is dropped, the caller gets `Unavailable`, the next call connects.
"""

import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

import hiredis

from rayce.errors import Unavailable
from rayce.stores.redis_address import Command, address_of

MAX_AT_ONCE = 1_000
_CHUNK_BYTES = 1 << 16


class RedisSocket:
    """One connection, made when it is first needed; threads take turns."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """`timeout_s` bounds each exchange: sending up to `MAX_AT_ONCE` commands and reading their replies."""
        self._address = address_of(url)
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._reader = hiredis.Reader()

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The commands' replies, in order. `Unavailable` when they are not all there in time or one is an error."""
        replies: list[Any] = []
        with self._lock:
            for at in range(0, len(commands), MAX_AT_ONCE):
                replies += self._exchange(commands[at : at + MAX_AT_ONCE])
        return replies

    def close(self) -> None:
        """Drop the connection."""
        with self._lock:
            self._drop()

    def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        until_s = time.monotonic() + self._timeout_s
        try:
            link = self._socket or self._connect(until_s)
            replies = self._talk(link, commands, until_s)
        except (OSError, hiredis.HiredisError) as error:
            self._drop()
            raise Unavailable("redis", str(error) or type(error).__name__) from None
        for reply in replies:
            if isinstance(reply, hiredis.ReplyError):
                raise Unavailable("redis", str(reply))
        return replies

    def _talk(self, link: socket.socket, commands: Sequence[Command], until_s: float) -> list[Any]:
        link.settimeout(_left_s(until_s))
        link.sendall(b"".join(map(hiredis.pack_command, commands)))  # type: ignore[arg-type]  # typed as a tuple of one
        replies, reader, missing = [], self._reader, len(commands)
        while missing:
            reply = reader.gets()
            if reply is False:
                link.settimeout(_left_s(until_s))
                data = link.recv(_CHUNK_BYTES)
                if not data:
                    raise ConnectionError("connection closed")
                reader.feed(data)
            else:
                replies.append(reply)
                missing -= 1
        return replies

    def _connect(self, until_s: float) -> socket.socket:
        address = self._address
        if address.path is not None:
            link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            link.settimeout(_left_s(until_s))
            self._socket = link
            link.connect(address.path)
        else:
            link = self._socket = socket.create_connection((address.host, address.port), _left_s(until_s))
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            tls = address.tls()
            if tls is not None:
                link = self._socket = tls.wrap_socket(link, server_hostname=address.host)
        self._reader = hiredis.Reader()
        if address.greeting:
            for reply in self._talk(link, address.greeting, until_s):
                if isinstance(reply, hiredis.ReplyError):
                    raise ConnectionError(str(reply))
        return link

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _left_s(until_s: float) -> float:
    left_s = until_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("late")
    return left_s
