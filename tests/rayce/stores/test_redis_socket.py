"""The blocking connection against servers that misbehave: nobody waits for ever, no reply goes to the wrong one."""

import socket
import threading
from collections.abc import Callable, Iterator

import hiredis
import pytest

from rayce.errors import Unavailable
from rayce.stores.redis_socket import MAX_AT_ONCE, RedisSocket

PATIENT_S, HASTY_S = 20.0, 0.05


class Server:
    """Answers GET with the key, SLEEP never, BAD with an error, DROP by closing, in pieces of `pieces` bytes."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.commands: list[list[bytes]] = []
        self.open: list[socket.socket] = []
        self.pieces = 1 << 20
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                link, _address = self.listening.accept()
            except OSError:
                return
            self.open.append(link)
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        parser = hiredis.Reader()
        try:
            while data := link.recv(1 << 16):
                parser.feed(data)
                while (command := parser.gets()) is not False:
                    self.commands.append(command)
                    if command[0] == b"DROP":
                        link.close()
                        return
                    reply = _reply(command)
                    for at in range(0, len(reply), self.pieces):
                        link.sendall(reply[at : at + self.pieces])
        except OSError:
            return

    def socket(self, timeout_s: float = PATIENT_S, before: str = "", after: str = "") -> RedisSocket:
        return RedisSocket(f"redis://{before}127.0.0.1:{self.port}{after}", timeout_s)

    def close(self) -> None:
        self.listening.close()
        for link in self.open:
            link.close()


def _reply(command: list[bytes]) -> bytes:
    match command[0]:
        case b"SLEEP":
            return b""
        case b"BAD":
            return b"-ERR no good\r\n"
        case b"AUTH" | b"SELECT":
            return b"+OK\r\n" if command[-1] != b"wrong" else b"-WRONGPASS\r\n"
        case b"NIL":
            return b"$-1\r\n"
        case _:
            return b"$%d\r\n%s\r\n" % (len(command[1]), command[1])


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def _fails(ask: Callable[[], object]) -> str:
    with pytest.raises(Unavailable) as caught:
        ask()
    return caught.value.reason


@pytest.mark.parametrize("pieces", [1, 3, 1 << 20])
def test_replies_come_in_order_in_whatever_pieces(server: Server, pieces: int) -> None:
    server.pieces = pieces
    link = server.socket()
    for _ in range(2):
        assert link.ask([("GET", "a"), ("NIL",), ("GET", b"x" * 50), ("GET", 7)]) == [b"a", None, b"x" * 50, b"7"]
    assert len(server.open) == 1
    link.close()


def test_more_than_goes_out_at_once_is_answered_whole(server: Server) -> None:
    link, count = server.socket(), 2 * MAX_AT_ONCE + 1
    assert link.ask([("GET", n) for n in range(count)]) == [str(n).encode() for n in range(count)]
    link.close()


def test_asking_nothing_needs_no_server() -> None:
    assert RedisSocket("redis://127.0.0.1:1", PATIENT_S).ask([]) == []


def test_a_server_that_is_not_there_is_unavailable() -> None:
    assert _fails(lambda: RedisSocket("redis://127.0.0.1:1", PATIENT_S).ask([("GET", "a")]))
    assert _fails(lambda: RedisSocket("unix:///nowhere", PATIENT_S).ask([("GET", "a")]))


def test_a_late_reply_is_unavailable_and_reaches_nobody_else(server: Server) -> None:
    link = server.socket()
    link.ask([("GET", "connected")])
    link._timeout_s = HASTY_S
    assert _fails(lambda: link.ask([("GET", "a"), ("SLEEP",)]))
    link._timeout_s = PATIENT_S
    assert link.ask([("GET", "b")]) == [b"b"]
    assert len(server.open) == 2


def test_a_refused_command_is_unavailable_and_the_connection_stays(server: Server) -> None:
    link = server.socket()
    assert "no good" in _fails(lambda: link.ask([("GET", "a"), ("BAD",), ("GET", "b")]))
    assert link.ask([("GET", "c")]) == [b"c"]
    assert len(server.open) == 1


def test_a_connection_that_breaks_is_made_anew_by_the_next_call(server: Server) -> None:
    link = server.socket()
    assert _fails(lambda: link.ask([("GET", "a"), ("DROP",)]))
    assert link.ask([("GET", "b")]) == [b"b"]


def test_bytes_that_are_no_redis_are_unavailable(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "_reply", lambda command: b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert _fails(lambda: server.socket().ask([("GET", "a")]))


def test_password_and_database_are_sent_first(server: Server) -> None:
    assert server.socket(before="ada:secret@", after="/3").ask([("GET", "a")]) == [b"a"]
    assert server.commands == [[b"AUTH", b"ada", b"secret"], [b"SELECT", b"3"], [b"GET", b"a"]]


def test_a_wrong_password_is_unavailable_each_time(server: Server) -> None:
    link = server.socket(before=":wrong@")
    for _ in range(2):
        assert "WRONGPASS" in _fails(lambda: link.ask([("GET", "a")]))


def test_threads_get_their_own_replies(server: Server) -> None:
    link = server.socket()
    found: dict[int, list[object]] = {}

    def ask(n: int) -> None:
        found[n] = link.ask([("GET", f"{n}.{m}") for m in range(50)])

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [f"{n}.{m}".encode() for m in range(50)] for n in range(8)}
    link.close()


def test_after_closing_the_next_call_connects_again(server: Server) -> None:
    link = server.socket()
    link.ask([("GET", "a")])
    link.close()
    assert link.ask([("GET", "b")]) == [b"b"]
    link.close()
