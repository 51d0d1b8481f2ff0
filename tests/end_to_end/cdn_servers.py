"""Debian's varnishd and nginx with the configurations of `examples/cdn`, before a shop of one process served over HTTP."""

import asyncio
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "cdn"
KEY = "shop-key"
WITHIN_S = 15.0


class Got(NamedTuple):
    """A reply over HTTP; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Hit(NamedTuple):
    """A request as it reached the edge."""

    path: str
    query: str
    headers: Mapping[str, str]


def free_port() -> int:
    """A loopback port that nobody has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class Served:
    """An ASGI application on a loopback port: can go away and come back, and remembers who came."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.port = free_port()
        self.hits: list[Hit] = []
        self.instead: dict[tuple[str, bytes], bytes] = {}
        """By end of a path and name of a header, what its replies say instead."""
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the request, then answer it."""
        if scope["type"] == "http" and scope["path"] != "/healthz":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            self.hits.append(Hit(scope["path"], scope["query_string"].decode(), headers))

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = [(name, self._said(scope["path"], name, value)) for name, value in message["headers"]]
                message = {**message, "headers": said}
            await send(message)

        await self.app(scope, receive, told)

    def _said(self, path: str, name: bytes, value: bytes) -> bytes:
        return self.instead.get((path[path.rfind("/") :], name), value)

    async def up(self) -> None:
        """Listen."""
        config = uvicorn.Config(self, host="127.0.0.1", port=self.port, lifespan="off", log_level="error")
        self._server = _Quiet(config)
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.01)

    async def down(self) -> None:
        """Close the port and every connection."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = self._server.force_exit = True
            await self._task
        self._server = self._task = None

    def content(self) -> list[Hit]:
        """Requests for what cohorts get."""
        return [hit for hit in self.hits if hit.path.startswith("/v1/cohorts/")]


class _Quiet(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Network:
    """A content network: `varnish` or `nginx`, started on a free port."""

    def __init__(self, kind: str, edge_port: int, folder: Path) -> None:
        self.kind = kind
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.folder = folder
        self._edge = edge_port
        self._process: subprocess.Popen[bytes] | None = None

    def up(self) -> None:
        """Start it; skipped where it is not installed, in CI a failure."""
        program = shutil.which(
            "varnishd" if self.kind == "varnish" else "nginx", path=f"{os.environ['PATH']}:/usr/sbin"
        )
        if program is None:
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(f"CI has to have {self.kind}")
            pytest.skip(f"{self.kind} is not installed")
        command = self._varnish(program) if self.kind == "varnish" else self._nginx(program)
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, start_new_session=True)
        until_s = time.monotonic() + WITHIN_S
        while not _listens(self.port):
            if time.monotonic() > until_s or self._process.poll() is not None:
                self.down()
                pytest.fail(f"{self.kind} does not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.02)

    def down(self) -> None:
        """End it, and the children that it has started."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(5)
        self._process = None

    async def get(self, path: str, user: str = "", method: str = "GET", **headers: str) -> Got:
        """One request as a browser would send it."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if user:
            sent["Cookie"] = f"theme=dark; rayce_user={user}; basket=3"
        return await asyncio.to_thread(_fetch, self.port, method, path, sent)

    def kept(self) -> bytes:
        """All bytes of what nginx keeps on disk."""
        return b"".join(path.read_bytes() for path in (self.folder / "cohorts").rglob("*") if path.is_file())

    def _varnish(self, program: str) -> list[str]:
        text = (EXAMPLES / "varnish.vcl").read_text()
        file = self.folder / "varnish.vcl"
        file.write_text(text.replace('.port = "8000"', f'.port = "{self._edge}"').replace("RAYCE_KEY", KEY))
        work = ["-n", str(self.folder / "work"), "-s", "malloc,16m", "-j", "none", "-T", "none"]
        return [program, "-F", "-a", f"127.0.0.1:{self.port}", "-f", str(file), *work]

    def _nginx(self, program: str) -> list[str]:
        for file in EXAMPLES.glob("*.conf"):
            text = file.read_text().replace("127.0.0.1:8000", f"127.0.0.1:{self._edge}").replace("RAYCE_KEY", KEY)
            (self.folder / file.name).write_text(text.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}"))
        globals_ = "daemon off; user root; worker_processes 1;" if os.geteuid() == 0 else "daemon off;"
        return [program, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-g", globals_]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _fetch(port: int, method: str, path: str, headers: Mapping[str, str]) -> Got:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers=dict(headers))
        reply = connection.getresponse()
        return Got(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
    finally:
        connection.close()
