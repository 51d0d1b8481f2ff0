"""Listening over real sockets: who hears nothing any more knows it soon, and hears again by itself."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rayce.change_bus import ChangeBus
from rayce.errors import Unavailable
from rayce.stores.redis_address import Address, address_of
from rayce.stores.redis_listening import RedisListening

pytestmark = pytest.mark.anyio

PATIENCE_S = 20.0


class Server:
    """Speaks as much of Redis as a listener needs; can fall silent, and hang up."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.silent = False
        self.refusal = b""
        self.late_s = 0.0
        self.server: asyncio.Server | None = None

    async def start(self) -> Address:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return address_of(f"redis://127.0.0.1:{self.server.sockets[0].getsockname()[1]}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while data := await reader.read(4096):
            await asyncio.sleep(self.late_s)
            if self.silent:
                continue
            if self.refusal:
                writer.write(self.refusal)
            if b"SUBSCRIBE" in data:
                writer.write(b"*3\r\n$9\r\nsubscribe\r\n$13\r\nrayce:changed\r\n:1\r\n")
            for _ in range(data.count(b"PING")):
                writer.write(b"*2\r\n$4\r\npong\r\n$0\r\n\r\n")

    def tell(self, body: bytes) -> None:
        for writer in self.writers:
            writer.write(b"*3\r\n$7\r\nmessage\r\n$13\r\nrayce:changed\r\n$%d\r\n%b\r\n" % (len(body), body))

    def hang_up(self) -> None:
        for writer in self.writers:
            writer.close()
        self.writers.clear()


@asynccontextmanager
async def listening(*servers: Server) -> AsyncIterator[ChangeBus]:
    addresses = [await server.start() for server in servers]
    bus = ChangeBus(time.monotonic)

    async def known() -> list[Address]:
        return addresses

    task = asyncio.ensure_future(RedisListening(known, bus).run())
    try:
        yield bus
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for server in servers:
            server.hang_up()
            assert server.server is not None
            server.server.close()


async def until(bus: ChangeBus, hears: bool) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while bus.hears_now() is not hears:
            await asyncio.sleep(0.005)


async def test_it_hears_goes_deaf_when_the_server_hangs_up_and_hears_again() -> None:
    server = Server()
    async with listening(server) as bus:
        await until(bus, True)
        server.tell(b"a" * 16)
        async with asyncio.timeout(PATIENCE_S):
            while not bus.told_total:
                await asyncio.sleep(0.005)
        server.hang_up()
        await until(bus, False)
        await until(bus, True)
        assert bus.deaf_total == 1


async def test_a_server_that_falls_silent_is_not_believed_in_and_neither_is_one_that_answers_too_late() -> None:
    server = Server()
    async with listening(server) as bus:
        await until(bus, True)
        server.silent = True
        await until(bus, False)
        server.silent = False
        await until(bus, True)
        server.late_s = 0.7
        await until(bus, False)


async def test_of_several_servers_all_have_to_be_heard() -> None:
    one, two = Server(), Server()
    async with listening(one, two) as bus:
        await until(bus, True)
        two.silent = True
        await until(bus, False)
        two.silent = False
        await until(bus, True)


async def test_who_is_refused_is_deaf() -> None:
    server = Server()
    server.refusal = b"-NOAUTH Authentication required.\r\n"
    async with listening(server) as bus:
        async with asyncio.timeout(PATIENCE_S):
            while not server.writers:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        assert not bus.hears_now()
        server.refusal = b""
        await until(bus, True)


async def test_nobody_to_be_found_is_tried_again() -> None:
    bus, asked = ChangeBus(time.monotonic), 0

    async def nowhere() -> list[Address]:
        nonlocal asked
        asked += 1
        raise Unavailable("redis", "nobody knows the masters")

    task = asyncio.ensure_future(RedisListening(nowhere, bus).run())
    async with asyncio.timeout(PATIENCE_S):
        while asked < 2:
            await asyncio.sleep(0.005)
    task.cancel()
    assert not bus.hears_now()
