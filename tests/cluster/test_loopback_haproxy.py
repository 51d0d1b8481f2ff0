"""The wrapper around HAProxy: loopback only, there again at once when killed, and gone when it is told to go."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from cluster.local.ports import free_ports
from cluster.loopback_haproxy import write_wrapper

CONFIG = """
defaults
  mode http
  timeout client 5s
  timeout connect 5s
  timeout server 5s
frontend f
  bind *:{port}
  http-request return status 200
"""
WITHIN_S = 20.0


class Proxy:
    """A wrapper with HAProxy below it."""

    def __init__(self, folder: Path) -> None:
        (self.port,) = free_ports(1, set(), Random())
        config = folder / "haproxy.cfg"
        config.write_text(CONFIG.format(port=self.port))
        self.process = subprocess.Popen(
            [str(write_wrapper(folder)), "-db", "-f", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def child(self) -> int:
        """HAProxy's pid."""
        return int(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    def listens(self, host: str = "127.0.0.1") -> bool:
        try:
            with socket.create_connection((host, self.port), 1):
                return True
        except OSError:
            return False


def until(holds: Callable[[], bool]) -> None:
    """Wait, within limits."""
    until_s = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < until_s, "in vain"
        time.sleep(0.01)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    """Running, and gone afterwards."""
    found = Proxy(tmp_path)
    until(found.listens)
    yield found
    found.process.kill()
    found.process.wait()


def test_it_listens_on_the_loopback_only(proxy: Proxy) -> None:
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = {line.split()[1] for line in table if line.split()[3] == "0A"}
    assert {address for address in listening if address.endswith(f":{proxy.port:04X}")} == {
        f"0100007F:{proxy.port:04X}"
    }


def test_killed_it_is_there_again_and_again(proxy: Proxy) -> None:
    for _ in range(3):
        before = proxy.child()
        os.kill(before, signal.SIGKILL)
        until(lambda before=before: proxy.process.poll() is None and proxy.child() != before and proxy.listens())  # type: ignore[misc]


@pytest.mark.parametrize("told", [signal.SIGUSR1, signal.SIGTERM])
def test_told_to_go_it_goes(proxy: Proxy, told: signal.Signals) -> None:
    proxy.process.send_signal(told)
    proxy.process.wait(WITHIN_S)
    until(lambda: not proxy.listens())


def test_when_the_wrapper_is_killed_nothing_is_left(proxy: Proxy) -> None:
    proxy.process.kill()
    proxy.process.wait(WITHIN_S)
    until(lambda: not proxy.listens())


def test_what_ends_by_itself_is_not_started_again(tmp_path: Path) -> None:
    config = tmp_path / "haproxy.cfg"
    config.write_text("no configuration")
    ended = subprocess.run(
        [str(write_wrapper(tmp_path)), "-db", "-f", str(config)], capture_output=True, timeout=WITHIN_S
    )
    assert ended.returncode not in (0, 137)
