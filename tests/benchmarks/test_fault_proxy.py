"""The fault proxy: passes on what it is given while healthy, and is slow, silent or refuses when told to."""

import asyncio
import socket

import pytest

from benchmarks.fault_proxy import BLACK_HOLE, HEALTHY, REFUSE, SLOW, FaultProxy

pytestmark = pytest.mark.anyio


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1024):
        writer.write(data)
        await writer.drain()
    writer.close()


async def ask(port: int, text: bytes, within_s: float = 5.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(text)
        async with asyncio.timeout(within_s):
            return await reader.read(1024)
    finally:
        writer.transport.abort()


async def test_it_passes_on_swallows_refuses_and_heals() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = FaultProxy(lambda: server.sockets[0].getsockname()[:2], 0.01)
    assert await ask(proxy.port, b"one") == b"one"
    proxy.set(SLOW)
    assert await ask(proxy.port, b"two") == b"two"
    proxy.set(BLACK_HOLE)
    with pytest.raises(TimeoutError):
        await ask(proxy.port, b"three", 0.1)
    proxy.set(REFUSE)
    with pytest.raises((ConnectionError, AssertionError)):
        assert await ask(proxy.port, b"four") == b"four"
    proxy.set(HEALTHY)
    assert await ask(proxy.port, b"five") == b"five"
    proxy.close()
    server.close()


async def test_a_connection_that_is_open_is_reset_when_it_refuses() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = FaultProxy(lambda: server.sockets[0].getsockname()[:2], 0.01)
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"hello")
    assert await reader.read(10) == b"hello"
    proxy.set(REFUSE)
    with pytest.raises((ConnectionError, AssertionError)):
        assert await asyncio.wait_for(reader.read(10), 5) != b""
    writer.transport.abort()
    proxy.close()
    server.close()


async def test_where_nobody_listens_behind_it_the_connection_is_dropped() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    proxy = FaultProxy(lambda: ("127.0.0.1", port), 0.01)
    with pytest.raises((ConnectionError, AssertionError)):
        assert await ask(proxy.port, b"x") == b"x"
    proxy.close()
