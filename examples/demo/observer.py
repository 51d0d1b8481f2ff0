"""Looks at rayce once a second for the page: its stream, its readiness, its stores, the sizes of its segments."""

import asyncio
import shutil
import sys
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
from msgspec import Struct

from examples.demo.measurements import Measurements
from examples.demo.shop import Shop
from examples.demo.stream import StreamState, stream_state
from rayce.client import RayceClient, RayceClientError

PERIOD_S = 1.0
USERS_PER_LOOKUP = 500
STATUS_PERIOD_S = 30.0
_RATE_WINDOW_S = 3.0
_WORDS = dict.fromkeys(("ok", "up", "ready", "running", "healthy", "live"), True) | dict.fromkeys(
    ("down", "stopped", "away", "failed", "error", "unavailable", "unhealthy"), False
)


class Part(Struct, frozen=True):
    """One part of the cluster at a glance; `up` None where that is not known."""

    name: str
    kind: str = ""
    up: bool | None = None


class Observer:
    """What was seen last. `away_s` is how long rayce has not answered, None while it does."""

    def __init__(self, rayce: RayceClient, shop: Shop, measurements: Measurements, root: Path) -> None:
        self._rayce, self._shop, self._measured, self._root = rayce, shop, measurements, root
        self.stream = StreamState()
        self.events_per_s: float | None = None
        self.ready = False
        self.parts: list[Part] = []
        self._local: list[Part] = []
        self._away_since: float | None = None
        self._counts: list[tuple[float, float]] = []
        self._membership: dict[str, list[str]] = {}
        self._next_user = 0

    @property
    def away_s(self) -> float | None:
        """Seconds since rayce answered last; None where it answers."""
        return None if self._away_since is None else monotonic() - self._away_since

    def segment_sizes(self) -> list[tuple[str, int]]:
        """(segment, households in it), the largest first."""
        sizes = Counter(name for names in self._membership.values() for name in names)
        return sorted(sizes.items(), key=lambda pair: (-pair[1], pair[0]))

    async def watch(self) -> None:
        """Looks until cancelled; whatever does not answer is looked at again a second later."""
        started = monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_local())
            while True:
                before = monotonic()
                try:
                    await self._look()
                    self._away_since = None
                except RayceClientError:
                    self._away_since = self._away_since or before
                    self.ready, self.events_per_s = False, None
                self._measured.point(monotonic() - started, self.events_per_s, self.stream.lag if self.ready else None)
                await asyncio.sleep(max(0.1, PERIOD_S - (monotonic() - before)))

    async def _look(self) -> None:
        self.stream = stream_state(await self._rayce.metrics())
        self._count(self.stream.events)
        self.ready, said = await self._rayce.ready()
        self.parts = merge(parts_of(said), self._local)
        await self._look_up_segments()

    def _count(self, events: float) -> None:
        now = monotonic()
        self._counts = [(at, n) for at, n in self._counts if at > now - _RATE_WINDOW_S and n <= events]
        if self._counts:
            at, n = self._counts[0]
            self.events_per_s = (events - n) / max(now - at, 1e-3)
        self._counts.append((now, events))

    async def _look_up_segments(self) -> None:
        users = sorted(self._shop.households)
        chunk = users[self._next_user : self._next_user + USERS_PER_LOOKUP]
        self._next_user = 0 if self._next_user + USERS_PER_LOOKUP >= len(users) else self._next_user + USERS_PER_LOOKUP
        reply = await self._rayce.lookup_segments(chunk, at_ms=self._shop.clock.now_ms())
        self._membership |= {user: flags.segments if flags else [] for user, flags in reply.users.items()}

    async def _watch_local(self) -> None:
        while True:
            self._local = await local_status(self._root)
            await asyncio.sleep(STATUS_PERIOD_S)


async def local_status(root: Path) -> list[Part]:
    """What `rayce local status --json` says, where there is such a program; nothing otherwise."""
    program = shutil.which("rayce", path=str(Path(sys.executable).parent))
    if program is None:
        return []
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        program, "local", "status", "--root", str(root), "--json", stdin=nothing, stdout=pipe, stderr=nothing
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), 20)
        return parts_of(msgspec.json.decode(out))
    except (TimeoutError, msgspec.MsgspecError):
        return []
    finally:
        if process.returncode is None:
            process.kill()


def parts_of(said: Any) -> list[Part]:
    """The parts in a status: a map of name to state, possibly one level down, or a list of named maps.

    >>> parts_of({"ready": True, "stores": {"redis": {"kind": "valkey 9", "up": True}}, "kafka": "ok"})
    [Part(name='redis', kind='valkey 9', up=True), Part(name='kafka', kind='', up=True)]
    >>> parts_of({"real": True, "servers": [{"name": "kafka", "kind": "mock", "alive": True, "ready": False}]})
    [Part(name='kafka', kind='mock', up=False)]
    """
    if isinstance(said, list):
        said = {str(row.get("name", place)): row for place, row in enumerate(said) if isinstance(row, dict)}
    found: list[Part] = []
    for name, state in said.items() if isinstance(said, dict) else ():
        if name in ("ready", "status", "detail", "title", "type", "real"):
            continue
        up = _up(state)
        if up is None and isinstance(state, dict | list) and not _kind(state):
            found += parts_of(state)
        elif up is not None:
            found.append(Part(name, _kind(state), up))
    return found


def merge(first: list[Part], second: list[Part]) -> list[Part]:
    """Both lists; where a name is in both the first says whether it is up, the second may know its kind."""
    kinds = {part.name: part.kind for part in second}
    merged = [Part(part.name, part.kind or kinds.get(part.name, ""), part.up) for part in first]
    return merged + [part for part in second if part.name not in {known.name for known in first}]


def _up(state: Any) -> bool | None:
    if isinstance(state, dict):
        known = (state[key] for key in ("up", "ok", "ready", "running", "healthy", "state", "status") if key in state)
        return _up(next(known, None))
    if isinstance(state, str):
        return _WORDS.get(state.lower())
    return state if isinstance(state, bool) else None


def _kind(state: Any) -> str:
    if not isinstance(state, dict):
        return ""
    return str(next((state[key] for key in ("kind", "server", "version") if state.get(key)), ""))
