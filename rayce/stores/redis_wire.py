"""The hot path's Redis connection: everything asked for in one event-loop tick goes out in one write, replies come in order.

redis-py costs about 60 µs a round trip on asyncio; this, over the same hiredis codec, about 10 (docs/decisions/0006). One
node, no retries: a connection that breaks or is late is dropped, all who wait on it get `Unavailable`, the next call connects.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import hiredis

from rayce.errors import Unavailable
from rayce.stores.redis_address import Address, Command, address_of

GRACE_S = 0.002


class RedisWire:
    """One connection, made when it is first needed. Belongs to the event loop that first uses it."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._address = address_of(url)
        self._timeout_s = timeout_s
        self._link: _Link | None = None
        self._connecting: asyncio.Task[_Link] | None = None

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The commands' replies, in order. `Unavailable` when they are not all there in time or one is an error."""
        if not commands:
            return []
        link = self._link
        if link is None or link.broken:
            link = await self._connect()
        return await link.ask(commands, self._timeout_s)

    async def addresses(self) -> list[Address]:
        """Who has to be listened to, to hear everything."""
        return [self._address]

    async def close(self) -> None:
        """Drop the connection."""
        if self._link is not None:
            self._link.drop("closed")

    async def _connect(self) -> "_Link":
        """Many may wait for one connection; one who gives up does not disturb the others."""
        if self._connecting is None:
            self._connecting = asyncio.ensure_future(self._open())
            self._connecting.add_done_callback(self._connected)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.shield(self._connecting)
        except (OSError, TimeoutError) as error:
            raise Unavailable("redis", str(error) or type(error).__name__) from None

    def _connected(self, task: "asyncio.Task[_Link]") -> None:
        self._connecting = None
        if not task.cancelled() and task.exception() is None:
            self._link = task.result()

    async def _open(self) -> "_Link":
        address, loop = self._address, asyncio.get_running_loop()
        async with asyncio.timeout(self._timeout_s):
            if address.path is not None:
                _transport, link = await loop.create_unix_connection(_Link, address.path)
            else:
                _transport, link = await loop.create_connection(_Link, address.host, address.port, ssl=address.tls())
        try:
            if address.greeting:
                await link.ask(address.greeting, self._timeout_s)
        except Unavailable:
            link.drop("refused")
            raise
        return link


class _Link(asyncio.Protocol):
    def __init__(self) -> None:
        self.broken = False
        self._reader = hiredis.Reader()
        self._waiting: deque[tuple[int, asyncio.Future[list[Any]], asyncio.TimerHandle]] = deque()
        self._replies: list[Any] = []
        self._out: list[bytes] = []
        self._loop = asyncio.get_running_loop()

    def ask(self, commands: Sequence[Command], timeout_s: float) -> "asyncio.Future[list[Any]]":
        done: asyncio.Future[list[Any]] = self._loop.create_future()
        if not self._out:
            self._loop.call_soon(self._write)
        self._out += [hiredis.pack_command(command) for command in commands]  # type: ignore[arg-type]  # typed as a tuple of one
        self._waiting.append((len(commands), done, self._loop.call_later(timeout_s, self._late, done)))
        return done

    def _late(self, done: "asyncio.Future[list[Any]]") -> None:
        """It may be the loop that was late: what has arrived meanwhile is read before the connection is given up."""
        self._loop.call_later(GRACE_S, lambda: None if done.done() else self.drop("late"))

    def drop(self, reason: str) -> None:
        """No reply of this connection can be trusted to come any more."""
        self.broken = True
        self._transport.abort()
        while self._waiting:
            _count, done, timer = self._waiting.popleft()
            timer.cancel()
            if not done.done():
                done.set_exception(Unavailable("redis", reason))

    def _write(self) -> None:
        data, self._out = b"".join(self._out), []
        if not self.broken:
            self._transport.write(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.drop(str(error) if error else "connection closed")

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            self._replies.append(reply)
            count, done, timer = self._waiting[0]
            if len(self._replies) == count:
                self._waiting.popleft()
                timer.cancel()
                self._settle(done)

    def _settle(self, done: "asyncio.Future[list[Any]]") -> None:
        replies, self._replies = self._replies, []
        if done.done():
            return
        failed = next((reply for reply in replies if isinstance(reply, hiredis.ReplyError)), None)
        if failed is None:
            done.set_result(replies)
        else:
            done.set_exception(Unavailable("redis", str(failed)))
