"""Telling a server to forget: what it is sent, and what is said when it does not take it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deployments.edge import banning
from deployments.edge.banning import ban

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def server(answer: bytes | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers all that comes; None: never."""
    heard: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        if answer is not None:
            writer.write(answer)
            await writer.drain()
            writer.close()
        else:
            await reader.read()

    listening = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/x", heard
    finally:
        listening.close()


async def test_one_request_with_the_keys_in_headers() -> None:
    async with server(b"HTTP/1.1 200 Forgotten\r\n\r\n") as (url, heard):
        assert await ban(url, "t-1", ["i-1", "s-2"]) == ""
        assert await ban(url, "", ["i-1"]) == ""
        assert await ban(url, "t-1", []) == ""
    first, second, third = (text.split(b"\r\n") for text in heard)
    assert first[0] == b"BAN /x HTTP/1.1"
    assert b"rayce-tenant: t-1" in first and b"rayce-purge: i-1 s-2" in first
    assert not any(line.startswith(b"rayce-tenant") for line in second)
    assert not any(line.startswith(b"rayce-purge") for line in third)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 403 Not a purger\r\n\r\n", b"", b"\n", b"x" * 10_000, b"HTTP/1.1 \n"])
async def test_any_other_answer_is_a_failure_that_says_so(answer: bytes) -> None:
    async with server(answer) as (url, _heard):
        assert await ban(url, "t-1", []) != ""


async def test_who_does_not_answer_or_is_not_there_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banning, "WITHIN_S", 0.05)
    async with server(None) as (url, _heard):
        assert "no answer" in await ban(url, "t-1", [])
    assert await ban(url, "t-1", []) != ""
    for odd in ("http://[/", "http://127.0.0.1:99999/", "nowhere", ""):
        assert await ban(odd, "t-1", []) != "", odd
