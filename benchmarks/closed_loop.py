"""Closed-loop load: as many requests as fit over a number of connections. `wrk` where it is installed, else our own client."""

import asyncio
import itertools
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence

import uvloop

from benchmarks.wire import Wire

_LUA = """
local paths = {%s}
local next = 0
request = function()
  next = next %% #paths + 1
  return wrk.format("GET", paths[next])
end
"""


def generator() -> str:
    """Which one is used."""
    return "wrk" if shutil.which("wrk") else "benchmarks.wire"


def requests_per_s(url: str, key: str, paths: Sequence[str], connections: int, seconds: float) -> float:
    """Good replies a second; raises `RuntimeError` when a reply was not 2xx."""
    if generator() == "wrk":
        return _wrk(url, key, paths, connections, seconds)
    return own_requests_per_s(url, key, paths, connections, seconds)


def good_requests_per_s(
    url: str, key: str, paths: Sequence[str], connections: int, seconds: float
) -> tuple[float, float]:
    """(good replies, refused requests) a second: where the system may send requests away it does so when they are too many."""
    if generator() != "wrk":
        return own_requests_per_s(url, key, paths, connections, seconds), 0.0
    said = _run_wrk(url, key, paths, connections, seconds)
    if "Socket errors" in said:
        raise RuntimeError(said)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    refused_per_s = float(refused[1]) / seconds if refused else 0.0
    return _rate_in(said) - refused_per_s, refused_per_s


def own_requests_per_s(url: str, key: str, paths: Sequence[str], connections: int, seconds: float) -> float:
    """The same by our own client, whatever is installed: it shares the cores with the system, as the open loop does."""
    return uvloop.run(_own(url, key, paths, connections, seconds))


def _wrk(url: str, key: str, paths: Sequence[str], connections: int, seconds: float) -> float:
    said = _run_wrk(url, key, paths, connections, seconds)
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    return _rate_in(said)


def _run_wrk(url: str, key: str, paths: Sequence[str], connections: int, seconds: float) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_LUA % ",".join(f'"{path}"' for path in paths))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", script.name]
        command += ["-H", f"Authorization: Bearer {key}", url]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _rate_in(said: str) -> float:
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found, said
    return float(found[1])


async def _own(url: str, key: str, paths: Sequence[str], connections: int, seconds: float) -> float:
    wire, turn, done = Wire(url, key), itertools.cycle(paths), 0
    until_s = time.perf_counter() + seconds

    async def one() -> None:
        nonlocal done
        while time.perf_counter() < until_s:
            reply = await wire.get(next(turn))
            if not 200 <= reply.status < 300:
                raise RuntimeError(f"{reply.status} {reply.body[:200]!r}")
            done += 1

    await asyncio.gather(*(one() for _ in range(connections)))
    wire.close()
    return done / seconds
