"""The wire against servers that misbehave: nobody waits longer than the time given, no reply goes to the wrong one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import hiredis
import pytest

from rayce.errors import Unavailable
from rayce.stores.redis_wire import RedisWire

pytestmark = pytest.mark.anyio

PATIENT_S, HASTY_S = 20.0, 0.05


class Server:
    """Answers GET with the key, SLEEP never, BAD with an error, DROP by closing; counts its connections."""

    def __init__(self) -> None:
        self.connections = 0
        self.commands: list[list[bytes]] = []
        self.pieces = 1 << 20
        self.open: list[asyncio.StreamWriter] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.append(writer)
        parser = hiredis.Reader()
        asleep = False
        while data := await reader.read(65536):
            parser.feed(data)
            while (command := parser.gets()) is not False:
                self.commands.append(command)
                asleep = asleep or command[0] == b"SLEEP"
                if command[0] == b"DROP":
                    writer.close()
                    return
                if not asleep:
                    await self._send(writer, _reply(command))
        writer.close()

    async def _send(self, writer: asyncio.StreamWriter, reply: bytes) -> None:
        for at in range(0, len(reply), self.pieces):
            writer.write(reply[at : at + self.pieces])
            await writer.drain()
            await asyncio.sleep(0)


def _reply(command: list[bytes]) -> bytes:
    if command[0] == b"BAD":
        return b"-ERR no good\r\n"
    if command[0] in (b"AUTH", b"SELECT"):
        return b"+OK\r\n" if command[-1] != b"wrong" else b"-WRONGPASS\r\n"
    if command[0] == b"NIL":
        return b"$-1\r\n"
    return b"$%d\r\n%s\r\n" % (len(command[1]), command[1])


class Fixture:
    def __init__(self, server: Server, port: int) -> None:
        self.server, self.port = server, port

    def wire(self, timeout_s: float = PATIENT_S, before: str = "", after: str = "") -> RedisWire:
        return RedisWire(f"redis://{before}127.0.0.1:{self.port}{after}", timeout_s)


@pytest.fixture
async def redis() -> AsyncIterator[Fixture]:
    server = Server()
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    yield Fixture(server, listening.sockets[0].getsockname()[1])
    listening.close()
    for writer in server.open:
        writer.close()


async def _fails(asking: Awaitable[object]) -> str:
    with pytest.raises(Unavailable) as caught:
        await asking
    return caught.value.reason


async def _hasty(redis: Fixture) -> RedisWire:
    """A wire that is connected and from now on waits hardly at all."""
    wire = redis.wire()
    await wire.ask([("GET", "connected")])
    wire._timeout_s = HASTY_S
    return wire


async def test_everybody_gets_their_own_replies_in_order(redis: Fixture) -> None:
    wire = redis.wire()
    found = await asyncio.gather(*(wire.ask([("GET", f"{n}a"), ("NIL",), ("GET", f"{n}b")]) for n in range(200)))
    assert found == [[f"{n}a".encode(), None, f"{n}b".encode()] for n in range(200)]
    assert redis.server.connections == 1


async def test_replies_that_come_in_pieces_are_put_together(redis: Fixture) -> None:
    redis.server.pieces = 3
    wire = redis.wire()
    found = await asyncio.gather(*(wire.ask([("GET", "x" * n)]) for n in range(30)))
    assert found == [[b"x" * n] for n in range(30)]


async def test_asking_nothing_needs_no_server() -> None:
    assert await RedisWire("redis://127.0.0.1:1", PATIENT_S).ask([]) == []


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    assert await _fails(RedisWire("redis://127.0.0.1:1", PATIENT_S).ask([("GET", "a")]))


async def test_a_late_reply_is_unavailable_and_reaches_nobody_else(redis: Fixture) -> None:
    wire = await _hasty(redis)
    assert await _fails(wire.ask([("SLEEP",)])) == "late"
    wire._timeout_s = PATIENT_S
    assert await wire.ask([("GET", "b")]) == [b"b"]


async def test_all_who_wait_behind_a_late_reply_are_told_and_the_next_one_connects_anew(redis: Fixture) -> None:
    wire = await _hasty(redis)
    behind = [wire.ask([("SLEEP",)]), wire.ask([("GET", "a")]), wire.ask([("GET", "b")])]
    found = await asyncio.gather(*behind, return_exceptions=True)
    assert all(isinstance(error, Unavailable) for error in found)
    wire._timeout_s = PATIENT_S
    assert await wire.ask([("GET", "c")]) == [b"c"]
    assert redis.server.connections == 2


async def test_one_who_gives_up_does_not_shift_the_replies_of_the_others(redis: Fixture) -> None:
    wire = redis.wire()
    await wire.ask([("GET", "connected")])
    hasty = asyncio.ensure_future(wire.ask([("GET", "hasty"), ("GET", "hasty2")]))
    patient = asyncio.ensure_future(wire.ask([("GET", "patient")]))
    await asyncio.sleep(0)
    hasty.cancel()
    assert await patient == [b"patient"]
    assert await wire.ask([("GET", "next")]) == [b"next"]
    assert redis.server.connections == 1


async def test_one_who_gives_up_while_connecting_does_not_disturb_the_others(redis: Fixture) -> None:
    wire = redis.wire()
    hasty = asyncio.ensure_future(wire.ask([("GET", "hasty")]))
    patient = asyncio.ensure_future(wire.ask([("GET", "patient")]))
    await asyncio.sleep(0)
    hasty.cancel()
    assert await patient == [b"patient"]


async def test_a_refused_command_is_its_askers_alone(redis: Fixture) -> None:
    wire = redis.wire()
    bad, good = await asyncio.gather(
        wire.ask([("GET", "a"), ("BAD",)]), wire.ask([("GET", "b")]), return_exceptions=True
    )
    assert isinstance(bad, Unavailable) and "no good" in str(bad)
    assert good == [b"b"]
    assert redis.server.connections == 1


async def test_a_connection_that_breaks_is_made_anew(redis: Fixture) -> None:
    wire = redis.wire()
    assert await wire.ask([("GET", "a")]) == [b"a"]
    assert await _fails(wire.ask([("DROP",)]))
    assert await wire.ask([("GET", "b")]) == [b"b"]


async def test_a_connection_that_broke_while_nobody_asked_is_made_anew(redis: Fixture) -> None:
    wire = redis.wire()
    await wire.ask([("GET", "a")])
    redis.server.open[0].close()
    for _ in range(100):
        await asyncio.sleep(0.01)
        if wire._link is not None and wire._link.broken:
            break
    assert await wire.ask([("GET", "b")]) == [b"b"]


async def test_bytes_that_are_no_redis_are_unavailable(redis: Fixture) -> None:
    async def http(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(http, "127.0.0.1", 0)
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context))
    wire = RedisWire(f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}", PATIENT_S)
    assert await _fails(wire.ask([("GET", "a")]))
    listening.close()


async def test_password_and_database_are_sent_first(redis: Fixture) -> None:
    assert await redis.wire(before="ada:secret@", after="/3").ask([("GET", "a")]) == [b"a"]
    assert redis.server.commands == [[b"AUTH", b"ada", b"secret"], [b"SELECT", b"3"], [b"GET", b"a"]]


async def test_a_wrong_password_is_unavailable_and_leaves_no_connection_behind(redis: Fixture) -> None:
    wire = redis.wire(before=":wrong@")
    for _ in range(3):
        assert "WRONGPASS" in await _fails(wire.ask([("GET", "a")]))
    closed: Callable[[], bool] = lambda: all(writer.is_closing() for writer in redis.server.open)  # noqa: E731
    for _ in range(100):
        if closed():
            break
        await asyncio.sleep(0.01)
    assert closed()


async def test_after_closing_the_next_call_connects_again(redis: Fixture) -> None:
    wire = redis.wire()
    await wire.ask([("GET", "a")])
    await wire.close()
    assert await wire.ask([("GET", "b")]) == [b"b"]
    await wire.close()
