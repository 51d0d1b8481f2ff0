"""The real HAProxy behind `cluster/haproxy.sh`, with what Ray writes for it: whom it turns away, and who answers whom."""

import glob
import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ray.serve._private.haproxy_templates import HAPROXY_CONFIG_TEMPLATE

from cluster.environment import RAY_ENVIRONMENT
from deployments.edge.door import FULL
from deployments.edge.priorities import NAMES
from deployments.edge.problems import TITLES, Problem, problem_response

CLUSTER = Path(__file__).parent.parent.parent / "cluster"
RAYS_ERROR = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno"
ANCHOR = "    # Per-backend path ACLs"
CONFIG = """global
    maxconn 4096
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    option redispatch 1
    option splice-request
    option splice-response
    retries 3
    errorfile 502 {errors}
    errorfile 503 {errors}
    errorfile 504 {errors}
    balance {balance}
frontend http_frontend
    bind 127.0.0.1:{port}
{anchor} (used for more than this)
    default_backend replicas
backend replicas
    http-request set-timeout server 200ms if {{ path /none }}
    server one 127.0.0.1:{one}
    server two 127.0.0.1:{two}
listen stats
    bind :{statistics}
    stats enable
"""


OWN = ("/500", "/502", "/503", "/504")


class Replica(BaseHTTPRequestHandler):
    """Answers, and says `turned` where it is asked to; its paths `/none`, `/nonsense` and `/503` say what comes of them."""

    protocol_version = "HTTP/1.1"
    turned = ""

    def do_GET(self) -> None:
        if self.path == "/none":
            threading.Event().wait(3)
            return
        if self.path == "/nonsense":
            self.wfile.write(b"nonsense\r\n\r\n")
            self.close_connection = True
            return
        self.send_response(int(self.path[1:]) if self.path in OWN else 200)
        self.send_header("content-length", "0")
        self.send_header("x-replica", str(self.server.server_address[1]))
        if self.turned and self.path == "/tell":
            self.send_header("rayce-turned-away", self.turned)
        self.end_headers()

    do_POST = do_PUT = do_OPTIONS = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


class Quiet(ThreadingHTTPServer):
    """Does not mind who hangs up."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing."""


class Front:
    """An HAProxy with two replicas behind it."""

    def __init__(self, folder: Path, twin_s: int = 0) -> None:
        self._twin_s = str(twin_s)
        self.port, self.statistics = _free(), _free()
        self._replica = type("OneReplica", (Replica,), {})
        self.replicas = {
            server.server_port: server for server in (Quiet(("127.0.0.1", 0), self._replica) for _ in "12")
        }
        for server in self.replicas.values():
            threading.Thread(target=server.serve_forever, daemon=True).start()
        one, two = self.replicas
        errors = folder / "500.http"
        errors.write_text(RAYS_ERROR)
        self.config = folder / "haproxy.cfg"
        self.config.write_text(
            CONFIG.format(
                port=self.port,
                one=one,
                two=two,
                statistics=self.statistics,
                errors=errors,
                anchor=ANCHOR,
                balance=RAY_ENVIRONMENT["RAY_SERVE_HAPROXY_BALANCE_ALGORITHM"],
            )
        )
        self.start()

    def start(self) -> None:
        environ = {
            **os.environ,
            "HAPROXY_ON_LOOPBACK": "1",
            "HAPROXY_TWIN_S": self._twin_s,
            "RAY_SERVE_HAPROXY_BINARY_PATH": "itself",
        }
        environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
        self._process = subprocess.Popen([CLUSTER / "haproxy.sh", "-db", "-f", self.config], env=environ, stderr=-3)
        until_s = time.monotonic() + 30
        while not all(_listens("127.0.0.1", port) for port in (self.port, self.statistics)):
            assert self._process.poll() is None and time.monotonic() < until_s
            time.sleep(0.01)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.stop()
        for port in list(self.replicas):
            self.kill(port)

    def kill(self, port: int) -> None:
        """Nobody listens there any more."""
        server = self.replicas.pop(port)
        server.shutdown()
        server.server_close()

    def who_answers(self, path: str) -> int:
        return int(self.ask("GET", path).getheader("x-replica") or 0)

    def tell(self, turned: str) -> http.client.HTTPResponse:
        """The replica asks for it: it counts for a second from now."""
        self._replica.turned = turned
        return self.ask("GET", "/tell", "interactive")

    def ask(self, method: str, path: str, priority: str = "", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        if priority:
            headers["rayce-priority"] = priority
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        response.body = response.read()  # type: ignore[attr-defined]
        connection.close()
        return response

    def statuses(self, count: int, method: str, path: str, priority: str = "", **headers: str) -> Counter[int]:
        """Of so many requests, before each of which the replica has repeated its wish: a busy machine needs its seconds."""
        return Counter(self._repeated().ask(method, path, priority, **headers).status for _ in range(count))

    def _repeated(self) -> "Front":
        self.tell(self._replica.turned)
        return self


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    found = Front(tmp_path)
    yield found
    found.close()


def test_ray_still_writes_the_line_after_which_the_door_is_put() -> None:
    lines = HAPROXY_CONFIG_TEMPLATE.splitlines()
    place = [number for number, line in enumerate(lines) if line.startswith(ANCHOR)]
    assert len(place) == 1
    assert lines.index("frontend http_frontend") < place[0] < lines.index("    default_backend default_backend")


def test_one_persons_requests_go_to_one_replica_and_people_are_spread(front: Front) -> None:
    calls = ("segments", "recommendations?limit=3", "profile")
    of = {user: {front.who_answers(f"/v1/users/{user}/{call}") for call in calls} for user in map(str, range(40))}
    steady = [replicas for replicas in of.values() if len(replicas) == 1]
    assert len(steady) >= 35, (
        "a former request that has not quite ended yet may count as load; by chance it would be ten"
    )
    assert min(Counter(replica for (replica,) in steady).values()) >= 6
    assert {front.who_answers("/v1/trending") for _ in range(40)} == set(front.replicas)


def test_when_a_replica_is_gone_the_other_answers_its_people_and_keeps_its_own(front: Front) -> None:
    before = {user: front.who_answers(f"/v1/users/{user}/segments") for user in map(str, range(20))}
    gone, left = front.replicas
    front.kill(gone)
    assert gone in before.values()
    assert {front.who_answers(f"/v1/users/{user}/segments") for user in before} == {left}


def test_only_the_priorities_that_were_named_are_turned_away(front: Front) -> None:
    assert front.tell("0:1000:1000").getheader("rayce-turned-away") is None, "callers need not know"
    assert front.statuses(3, "GET", "/v1/trending", "prefetch") == {503: 3}
    assert front.statuses(3, "GET", "/v1/trending", "Bulk") == {503: 3}
    assert front.statuses(3, "GET", "/v1/trending", **{"sec-purpose": "prefetch;prerender"}) == {503: 3}
    assert front.statuses(3, "POST", "/v1/segments/lookup") == {503: 3}
    assert front.statuses(3, "PUT", "/v1/items") == {503: 3}
    assert front.statuses(3, "GET", "/v1/items") == {200: 3}
    assert front.statuses(3, "GET", "/v1/trending", "interactive", **{"sec-purpose": "prefetch"}) == {200: 3}
    assert front.statuses(3, "GET", "/v1/trending") == {200: 3}


def test_what_looks_after_a_replica_is_never_turned_away(front: Front) -> None:
    front.tell("1000:1000:1000")
    for path in ("/healthz", "/readyz", "/metrics", "/rayce.js"):
        assert front.statuses(1, "GET", path, "bulk") == {200: 1}
    assert front.statuses(1, "OPTIONS", "/v1/events") == {200: 1}
    assert front.statuses(1, "GET", "/v1/trending") == {503: 1}


def test_a_part_is_about_that_part(front: Front) -> None:
    front.tell("0:0:500")
    assert 120 < front.statuses(400, "GET", "/v1/trending", "bulk")[503] < 280


def test_what_was_said_counts_for_a_second(front: Front) -> None:
    front.tell("0:0:1000")
    until_s = time.monotonic() + 20
    while front.ask("GET", "/v1/trending", "bulk").status == 503:
        assert time.monotonic() < until_s
    assert [front.ask("GET", "/v1/trending", "bulk").status for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("name", NAMES)
def test_it_refuses_as_a_replica_does(front: Front, name: str) -> None:
    front.tell("1000:1000:1000")
    refused = front.ask("GET", "/v1/trending", name)
    wanted = problem_response(Problem(503, FULL, "rayce-priority", name))
    assert refused.body == wanted.body  # type: ignore[attr-defined]
    assert refused.getheader("content-type") == wanted.headers["content-type"]
    assert refused.getheader("cache-control") == "no-store"
    assert refused.getheader("retry-after") in {"1", "2", "3"}


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /v1/trending HTTP/1.1\r\nHost: a\r\nX-A: ",
        b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{",
    ],
)
def test_a_request_that_does_not_come_in_whole_is_ended_and_no_replica_sees_it(front: Front, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", front.port), timeout=60) as connection:
        connection.sendall(sent)
        assert connection.recv(1_000).startswith(b"HTTP/1.1 408 ")


def own(response: http.client.HTTPResponse) -> dict[str, object]:
    """A reply of HAProxy's own, which must read as one of a replica."""
    assert response.getheader("content-type") == "application/problem+json"
    assert response.getheader("cache-control") == "no-store"
    found: dict[str, object] = json.loads(response.body)  # type: ignore[attr-defined]
    assert list(found) == list(json.loads(problem_response(Problem(response.status, "")).body))
    assert found["status"] == response.status and found["title"] == TITLES[response.status] and found["detail"]
    return found


def test_ray_still_writes_the_lines_that_are_taken_out_and_those_after_which_ours_are_put() -> None:
    lines = HAPROXY_CONFIG_TEMPLATE.splitlines()
    at = [number for number, line in enumerate(lines) if line.startswith("defaults")]
    assert len(at) == 1
    errors = [number for number, line in enumerate(lines) if line.startswith("    errorfile ")]
    assert [lines[number].split()[1] for number in errors] == ["502", "503", "504"] and min(errors) > at[0]


def test_no_replica_at_all_is_a_503_that_says_when_to_come_back(front: Front) -> None:
    for port in list(front.replicas):
        front.kill(port)
    response = front.ask("GET", "/v1/trending")
    own(response)
    assert response.status == 503 and response.getheader("retry-after") in {"1", "2", "3"}


@pytest.mark.parametrize("path, status", [("/none", 504), ("/nonsense", 502)])
def test_a_replica_that_gives_no_answer_is_told_as_a_replica_would(front: Front, path: str, status: int) -> None:
    response = front.ask("GET", path)
    own(response)
    assert response.status == status


@pytest.mark.parametrize("path", OWN)
def test_what_a_replica_answers_passes_as_it_is(front: Front, path: str) -> None:
    response = front.ask("GET", path)
    assert (response.status, response.body) == (int(path[1:]), b"")  # type: ignore[attr-defined]
    assert response.getheader("content-type") is None and response.getheader("retry-after") is None
    assert response.getheader("x-replica") in map(str, front.replicas)


def test_a_body_that_does_not_come_is_told_as_a_replica_would(front: Front) -> None:
    with socket.create_connection(("127.0.0.1", front.port), timeout=60) as connection:
        connection.sendall(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
        response = http.client.HTTPResponse(connection)
        response.begin()
        response.body = response.read()  # type: ignore[attr-defined]
    own(response)
    assert response.status == 408


def test_every_error_of_its_own_has_a_status_and_a_title_of_ours() -> None:
    lines = (CLUSTER / "haproxy_errors.cfg").read_text().splitlines()
    told = [json.loads(line.partition(" string ")[2].strip("'")) for line in lines if "http-error" in line]
    assert [body["status"] for body in told] == [400, 408, 413, 500, 502, 503, 504]
    assert all(body["title"] == TITLES[body["status"]] for body in told)


def test_started_again_it_has_one_door_still(front: Front) -> None:
    once = front.config.read_text()
    front.stop()
    front.start()
    assert front.config.read_text() == once
    front.tell("0:0:1000")
    assert front.statuses(1, "GET", "/v1/trending", "bulk") == {503: 1}


def test_it_takes_as_many_connections_as_files_may_be_open(front: Front) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = 25_200 if hard == resource.RLIM_INFINITY else min(hard, 25_200)
    assert f"    maxconn {(files - 200) * 2 // 5}\n" in front.config.read_text()


def test_it_listens_on_the_loopback_only(front: Front) -> None:
    assert f"bind 127.0.0.1:{front.statistics}" in front.config.read_text()
    assert _listens("127.0.0.1", front.statistics)
    assert not _listens("127.0.0.2", front.statistics)


def test_while_it_is_dead_a_twin_answers_and_leaves_when_nothing_comes_back(tmp_path: Path) -> None:
    front = Front(tmp_path, twin_s=8)
    twin = front.config.with_suffix(".cfg.twin.pid")
    try:
        _until(lambda: _is_twin(front, twin))
        front.stop()
        assert {front.ask("GET", "/v1/trending").status for _ in range(20)} == {200}
        assert not _listens("127.0.0.1", front.statistics), "what there can be only once the twin does not have"
        first = int(twin.read_text())
        os.kill(first, signal.SIGKILL)
        _until(lambda: _is_twin(front, twin) and int(twin.read_text()) != first)
        _until(lambda: not _listens("127.0.0.1", front.port))
    finally:
        front.close()


def test_a_new_start_brings_a_new_twin_and_the_former_one_goes(tmp_path: Path) -> None:
    front = Front(tmp_path, twin_s=2)
    twin = front.config.with_suffix(".cfg.twin.pid")
    try:
        _until(lambda: _is_twin(front, twin))
        former = int(twin.read_text())
        front.stop()
        front.start()
        _until(lambda: not Path(f"/proc/{former}").exists())
        _until(lambda: _is_twin(front, twin))
        assert {front.ask("GET", "/v1/trending").status for _ in range(20)} == {200}
    finally:
        front.close()


def _is_twin(front: Front, file: Path) -> bool:
    """Whether the process that the file names listens on the port."""
    if not file.exists() or not (text := file.read_text().strip()):
        return False
    opened = [os.readlink(name) for name in glob.glob(f"/proc/{text}/fd/*") if os.path.islink(name)]
    inodes = {name.partition("[")[2].rstrip("]") for name in opened if name.startswith("socket:[")}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].endswith(f":{front.port:04X}") and row[3] == "0A" and row[9] in inodes for row in rows)


def _until(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0
