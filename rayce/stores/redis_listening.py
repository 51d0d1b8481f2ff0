"""Hears the channel of changes: connections of their own, probed all the time, made anew when one breaks or falls silent.

A channel holds nothing for whoever is away, so what matters is to know when something may have been missed. Over a cluster
every master is listened to: what is told to one is told to all, and a broken link between two of them hides nothing.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import hiredis

from rayce.errors import Unavailable
from rayce.stores.interfaces import CHANGED, Hearing
from rayce.stores.redis_address import Address, Command

PROBE_EVERY_S, SILENT_S = 0.2, 0.5
CONNECT_WITHIN_S, AGAIN_S = 1.0, 0.1
GRACE_S = 0.002
"""It may be the loop that was late: what has arrived meanwhile is read before a connection is given up."""


class RedisListening:
    """Listens for `hearing` until cancelled; `addresses` says to whom, anew after each failure."""

    def __init__(self, addresses: Callable[[], Awaitable[Sequence[Address]]], hearing: Hearing) -> None:
        self._addresses = addresses
        self._hearing = hearing
        self._links: list[_Link] = []

    async def run(self) -> None:
        """Never returns."""
        while True:
            try:
                async with asyncio.timeout(CONNECT_WITHIN_S):
                    await self._connect()
                self._hearing.hears(True)
                await self._probe()
            except (OSError, TimeoutError, Unavailable):
                pass  # what it means is told below; the next try may go better
            finally:
                self._hearing.hears(False)
                for link in self._links:
                    link.drop("given up")
                self._links = []
            await asyncio.sleep(AGAIN_S)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        for address in await self._addresses():
            if address.path is not None:
                _transport, link = await loop.create_unix_connection(self._link, address.path)
            else:
                _transport, link = await loop.create_connection(
                    self._link, address.host, address.port, ssl=address.tls()
                )
            self._links.append(link)
            link.say(*address.greeting, ("SUBSCRIBE", CHANGED))
        for link in self._links:
            await link.settled.wait()
        self._check()

    def _link(self) -> "_Link":
        return _Link(self._hearing.told, self._heard)

    def _heard(self) -> None:
        self._hearing.heard(min((link.heard_s for link in self._links), default=0.0))

    async def _probe(self) -> None:
        """Until a connection is silent for too long, or broken."""
        while True:
            for link in self._links:
                link.probe()
            await asyncio.sleep(PROBE_EVERY_S)
            if any(link.is_silent() for link in self._links):
                await asyncio.sleep(GRACE_S)
            self._check()

    def _check(self) -> None:
        for link in self._links:
            if link.broken or link.is_silent():
                raise Unavailable("redis", link.broken or "the change bus is silent")


class _Link(asyncio.Protocol):
    def __init__(self, told: Callable[[bytes], None], heard: Callable[[], None]) -> None:
        self._told = told
        self._heard = heard
        self._reader = hiredis.Reader()
        self._probes: deque[float] = deque()
        self._arrived_s = self.heard_s = time.monotonic()
        self.broken = ""
        self.settled = asyncio.Event()
        """Subscribed, or broken."""

    def say(self, *commands: Command) -> None:
        self._transport.write(b"".join(map(hiredis.pack_command, commands)))  # type: ignore[arg-type]

    def probe(self) -> None:
        self._probes.append(time.monotonic())
        self.say(("PING",))

    def is_silent(self) -> bool:
        return time.monotonic() - self._arrived_s > SILENT_S

    def drop(self, reason: str) -> None:
        self.broken = self.broken or reason
        self.settled.set()
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.drop(str(error) if error else "connection closed")

    def data_received(self, data: bytes) -> None:
        if self.broken:
            return
        self._arrived_s = time.monotonic()
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            self._take(reply)

    def _take(self, reply: Any) -> None:
        if isinstance(reply, hiredis.ReplyError):
            self.drop(str(reply))
        elif not isinstance(reply, list):  # the greeting was taken
            return
        elif reply[0] == b"message":
            self._told(reply[2])
        elif reply[0] == b"subscribe":
            self.settled.set()
        elif reply[0] == b"pong":
            # All that was told before the probe was sent is here: not before it was answered, which may be much later.
            self.heard_s = self._probes.popleft()
            self._heard()
