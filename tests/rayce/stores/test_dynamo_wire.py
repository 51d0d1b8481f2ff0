"""The wire against servers that misbehave: no reply goes to the wrong one, nobody waits longer than the time given."""

import datetime
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rayce.stores.dynamo.http_link import MAX_REPLY_BYTES
from rayce.stores.dynamo.signature import Identity
from rayce.stores.dynamo.wire import MAX_IDLE, Wire
from tests.rayce.stores.fake_endpoint import FakeEndpoint, Request, ok

PATIENT_S, HASTY_S = 20.0, 0.05
HEAD = b"HTTP/1.1 200 OK\r\n"


def echo(request: Request) -> bytes | None:
    return ok(request.body)


def wire_to(port: int, timeout_s: float = PATIENT_S) -> Wire:
    return Wire(f"http://127.0.0.1:{port}", "local", lambda: Identity("key", "secret"), timeout_s)


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(echo) as serving:
        yield serving


@pytest.fixture
def wire(endpoint: FakeEndpoint) -> Wire:
    return wire_to(endpoint.port)


def test_one_connection_is_kept_for_many_calls(wire: Wire, endpoint: FakeEndpoint) -> None:
    for n in range(5):
        assert wire.ask("Scan", b"%d" % n) == (200, b"%d" % n)
    assert endpoint.connections == 1


def test_what_is_sent_is_what_dynamodb_expects(wire: Wire, endpoint: FakeEndpoint) -> None:
    wire.ask("BatchGetItem", b"{}")
    fields = endpoint.requests[0].fields
    assert endpoint.requests[0].head.startswith("POST / HTTP/1.1\r\n")
    assert fields["x-amz-target"] == "DynamoDB_20120810.BatchGetItem"
    assert fields["content-type"] == "application/x-amz-json-1.0"
    assert fields["host"] == f"127.0.0.1:{endpoint.port}"
    assert fields["authorization"].startswith("AWS4-HMAC-SHA256 Credential=key/")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://dynamodb.eu-west-1.amazonaws.com", "dynamodb.eu-west-1.amazonaws.com"),
        ("https://host:443/", "host"),
        ("http://host:443", "host:443"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_the_host_is_written_as_servers_and_botocore_do(url: str, host: str) -> None:
    assert (
        f"host: {host}\r\n" in Wire(url, "local", lambda: Identity("k", "s"), PATIENT_S)._request("Scan", b"").decode()
    )


@pytest.mark.parametrize("pieces", [1, 7, 1 << 20])
@pytest.mark.parametrize("size", [0, 1, 3_000])
def test_replies_that_come_in_pieces_are_put_together(endpoint: FakeEndpoint, pieces: int, size: int) -> None:
    endpoint.pieces = pieces
    wire = wire_to(endpoint.port)
    for byte in (b"a", b"b"):
        assert wire.ask("Scan", byte * size).body == byte * size


def test_a_large_reply_is_received_whole(wire: Wire) -> None:
    body = bytes(range(256)) * 20_000
    assert wire.ask("Scan", body).body == body


@pytest.mark.parametrize("pieces", [1, 1 << 20])
def test_chunked_replies_are_put_together(wire: Wire, endpoint: FakeEndpoint, pieces: int) -> None:
    endpoint.pieces = pieces
    chunks = b"3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nTrailer: 1\r\n\r\n"
    endpoint.answer = lambda request: HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    assert [wire.ask("Scan", b"").body for _ in range(3)] == [b"abc0123456789abcdef"] * 3
    assert endpoint.connections == 1


def test_a_status_that_is_no_success_comes_with_its_body(wire: Wire, endpoint: FakeEndpoint) -> None:
    endpoint.answer = lambda request: ok(b'{"__type":"x"}', "400 Bad Request")
    assert wire.ask("Scan", b"") == (400, b'{"__type":"x"}')


def test_a_server_that_says_it_closes_is_not_asked_again_over_the_same_connection(
    wire: Wire, endpoint: FakeEndpoint
) -> None:
    endpoint.answer = lambda request: ok(request.body, fields="Connection: close\r\n")
    assert [wire.ask("Scan", b"%d" % n).body for n in range(3)] == [b"0", b"1", b"2"]
    assert [request.connection for request in endpoint.requests] == [1, 2, 3]


def test_a_kept_connection_that_the_server_has_closed_is_replaced_unnoticed(wire: Wire, endpoint: FakeEndpoint) -> None:
    wire.ask("Scan", b"1")
    endpoint.hang_up()
    assert wire.ask("Scan", b"2" * 1_000_000).body == b"2" * 1_000_000
    assert endpoint.connections == 2


def test_a_request_that_a_kept_connection_swallowed_is_made_once_more_and_not_more(
    wire: Wire, endpoint: FakeEndpoint
) -> None:
    wire.ask("Scan", b"1")
    endpoint.answer = lambda request: None
    with pytest.raises(OSError):
        wire.ask("Scan", b"2")
    assert [(request.connection, request.body) for request in endpoint.requests] == [(1, b"1"), (1, b"2"), (2, b"2")]


def test_on_a_new_connection_nothing_is_made_twice(endpoint: FakeEndpoint) -> None:
    endpoint.answer = lambda request: None
    with pytest.raises(OSError):
        wire_to(endpoint.port).ask("Scan", b"1")
    assert len(endpoint.requests) == 1


def test_a_reply_that_breaks_off_is_not_asked_for_again(wire: Wire, endpoint: FakeEndpoint) -> None:
    wire.ask("Scan", b"1")

    def breaks_off(request: Request) -> bytes:
        threading.Timer(0.05, endpoint.hang_up).start()
        return HEAD + b"Content-Length: 100\r\n\r\nhalf"

    endpoint.answer = breaks_off
    with pytest.raises(OSError):
        wire.ask("Scan", b"2")
    assert len(endpoint.requests) == 2


def test_a_late_reply_is_an_error_and_reaches_nobody_else(endpoint: FakeEndpoint) -> None:
    wire = wire_to(endpoint.port, HASTY_S)
    endpoint.answer = lambda request: b""
    with pytest.raises(TimeoutError):
        wire.ask("Scan", b"late")
    wire._timeout_s = PATIENT_S
    endpoint.answer = echo
    assert wire.ask("Scan", b"next").body == b"next"
    assert endpoint.connections == 2


def test_a_server_that_trickles_is_late_all_the_same(endpoint: FakeEndpoint) -> None:
    """The time is that of the whole call, not of each byte."""
    stop = threading.Event()

    def trickles(request: Request) -> bytes:
        link = endpoint._open[-1]
        link.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n")
        while not stop.wait(HASTY_S / 10):
            link.sendall(b"x")
        return b""

    endpoint.answer = trickles
    try:
        with pytest.raises(TimeoutError):
            wire_to(endpoint.port, HASTY_S).ask("Scan", b"")
    finally:
        stop.set()


NO_HTTP: dict[str, bytes] = {
    "nothing like it": b"\xff\xfe" * 40_000,
    "no status": b"HTTP/1.1 abc\r\n\r\n",
    "old": b"HTTP/1.0 200 OK\r\n\r\nbody",
    "no length": HEAD + b"\r\nbody",
    "no number": HEAD + b"Content-Length: x\r\n\r\n",
    "negative": HEAD + b"Content-Length: -5\r\n\r\n",
    "too large": HEAD + b"Content-Length: %d\r\n\r\n" % (MAX_REPLY_BYTES + 1),
    "chunk without a size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "chunk too large": HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (MAX_REPLY_BYTES + 1),
}


@pytest.mark.parametrize("reply", NO_HTTP)
def test_what_is_no_reply_is_an_error_and_ends_the_connection(wire: Wire, endpoint: FakeEndpoint, reply: str) -> None:
    endpoint.answer = lambda request: NO_HTTP[reply]
    with pytest.raises(OSError):
        wire.ask("Scan", b"")
    endpoint.answer = echo
    assert wire.ask("Scan", b"next").body == b"next"
    assert endpoint.connections == 2


def test_bytes_after_a_reply_are_not_taken_for_the_next_one(wire: Wire, endpoint: FakeEndpoint) -> None:
    endpoint.answer = lambda request: ok(b"mine") + ok(b"stray")
    assert wire.ask("Scan", b"").body == b"mine"
    endpoint.answer = echo
    assert wire.ask("Scan", b"next").body == b"next"
    assert endpoint.connections == 2


def test_threads_have_connections_of_their_own_and_share_what_is_idle(wire: Wire, endpoint: FakeEndpoint) -> None:
    together = threading.Barrier(2 * MAX_IDLE)

    def first(request: Request) -> bytes:
        together.wait(PATIENT_S)  # so all are asking at once
        return ok(request.body)

    endpoint.answer = first
    with ThreadPoolExecutor(2 * MAX_IDLE) as pool:
        bodies = [b"%d" % n * 100 for n in range(2 * MAX_IDLE)]
        assert [reply.body for reply in pool.map(lambda body: wire.ask("Scan", body), bodies)] == bodies
        assert endpoint.connections == 2 * MAX_IDLE
        assert len(wire._idle) == MAX_IDLE
        endpoint.answer = echo
        bodies *= 10
        assert [reply.body for reply in pool.map(lambda body: wire.ask("Scan", body), bodies)] == bodies
    wire.close()
    assert not wire._idle


def test_nobody_there_is_an_error() -> None:
    with pytest.raises(OSError):
        wire_to(1).ask("Scan", b"")


class Authority:
    """Signs certificates for localhost, in files as servers and clients want them."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        self.certificate, secret = folder / "certificate.pem", folder / "key.pem"
        self.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, secret)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def secure(port: int, authorities: Path | None, host: str = "localhost", proxy: str | None = None) -> Wire:
    return Wire(
        f"https://{host}:{port}",
        "local",
        lambda: Identity("key", "secret"),
        PATIENT_S,
        str(authorities) if authorities else None,
        proxy,
    )


def test_over_tls_it_is_the_same(authority: Authority) -> None:
    with FakeEndpoint(echo, authority.context) as endpoint:
        wire = secure(endpoint.port, authority.certificate)
        body = bytes(range(256)) * 2_000
        assert [wire.ask("Scan", body).body for _ in range(3)] == [body] * 3
        assert endpoint.connections == 1
        endpoint.hang_up()
        assert wire.ask("Scan", b"again").body == b"again"


@pytest.mark.parametrize("why", ["unknown authority", "other host"])
def test_a_server_that_cannot_prove_who_it_is_gets_no_request(authority: Authority, why: str) -> None:
    with FakeEndpoint(echo, authority.context) as endpoint:
        known = authority.certificate if why == "other host" else None
        host = "127.0.0.1" if why == "other host" else "localhost"
        with pytest.raises(ssl.SSLCertVerificationError):
            secure(endpoint.port, known, host).ask("Scan", b"secret")
        assert endpoint.requests == []


def test_a_proxy_is_asked_for_a_tunnel_with_its_password_and_its_refusal_is_an_error() -> None:
    with FakeEndpoint(lambda request: ok(b"", "407 No")) as proxy:
        with pytest.raises(OSError, match="407"):
            secure(443, None, "example.invalid", f"http://me:s%40cret@127.0.0.1:{proxy.port}").ask("Scan", b"secret")
        (request,) = proxy.requests
    assert request.head.startswith("CONNECT example.invalid:443 HTTP/1.1\r\n")
    assert request.fields["proxy-authorization"] == "Basic bWU6c0BjcmV0"
    assert b"secret" not in request.body


def relay(proxy: socket.socket, port: int) -> None:
    """Answers one CONNECT and carries bytes both ways until the client closes."""
    link, _address = proxy.accept()
    with link, link.makefile("rb") as head, socket.create_connection(("127.0.0.1", port)) as server:
        while head.readline() != b"\r\n":
            pass
        link.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        while True:
            for side in select.select([link, server], [], [])[0]:
                if not (data := side.recv(65_536)):
                    return
                (server if side is link else link).sendall(data)


def test_through_a_tunnel_the_endpoint_is_spoken_to_as_ever(authority: Authority) -> None:
    with FakeEndpoint(echo, authority.context) as endpoint, socket.create_server(("127.0.0.1", 0)) as proxy:
        threading.Thread(target=relay, args=(proxy, endpoint.port), daemon=True).start()
        wire = secure(endpoint.port, authority.certificate, proxy=f"http://127.0.0.1:{proxy.getsockname()[1]}")
        assert [wire.ask("Scan", b"%d" % n).body for n in range(3)] == [b"0", b"1", b"2"]
        wire.close()
