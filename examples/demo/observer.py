"""Looks at rayce once a second for the page: its stream, its readiness, its stores, the sizes of its segments."""

import asyncio
import sys
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
from msgspec import Struct, structs

from examples.demo.measurements import Measurements
from examples.demo.shop import Shop
from examples.demo.stream import StreamState, stream_state
from rayce.client import RayceClient, RayceClientError, RayceHTTPError

PERIOD_S = 1.0
USERS_PER_LOOKUP = 500
STATUS_PERIOD_S = 30.0
_RATE_WINDOW_S = 3.0


class Part(Struct, frozen=True):
    """One part of the cluster at a glance; `up` None where that is not known."""

    name: str
    kind: str = ""
    up: bool | None = None


class Observer:
    """What was seen last. `away_s` is how long rayce has not answered, None while it does."""

    def __init__(self, rayce: RayceClient, shop: Shop, measurements: Measurements, module: str, root: Path) -> None:
        self._rayce, self._shop, self._measured = rayce, shop, measurements
        self._module, self._root = module, root
        self.stream = StreamState()
        self.events_per_s: float | None = None
        self.degraded = False
        self.parts: list[Part] = []
        self.generations: dict[str, int] = {}
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
                    self.events_per_s = None
                    self.parts = [structs.replace(part, up=None) for part in self.parts]
                lag = self.stream.lag if self.stream.known and self._away_since is None else None
                self._measured.point(monotonic() - started, self.events_per_s, lag)
                await asyncio.sleep(max(0.1, PERIOD_S - (monotonic() - before)))

    async def _look(self) -> None:
        self.stream = stream_state(await self._rayce.metrics())
        self._count(self.stream.events)
        answers, said = await self._rayce.ready()
        self.degraded = not answers or said.get("status", "ready") != "ready"
        self.parts = merge(parts_of(said.get("stores", said)), self._local)
        self.generations = generations_of(said.get("generations"))
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
        try:
            reply = await self._rayce.lookup_segments(chunk, at_ms=self._shop.clock.now_ms())
        except RayceHTTPError:
            return  # it answers: whatever is wrong with the segments, rayce is not away
        self._next_user = 0 if self._next_user + USERS_PER_LOOKUP >= len(users) else self._next_user + USERS_PER_LOOKUP
        self._membership |= {user: flags.segments if flags else [] for user, flags in reply.users.items()}

    async def _watch_local(self) -> None:
        while True:
            self._local = await local_status(self._module, self._root)
            await asyncio.sleep(STATUS_PERIOD_S)


async def local_status(module: str, root: Path) -> list[Part]:
    """What `rayce local status --json` says (`module` is the program behind it); nothing where it says nothing."""
    if not module:
        return []
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    command = [sys.executable, "-m", module, "status", "--root", str(root), "--json"]
    process = await asyncio.create_subprocess_exec(*command, stdin=nothing, stdout=pipe, stderr=nothing)
    try:
        out, _ = await asyncio.wait_for(process.communicate(), 20)
        return parts_of(msgspec.json.decode(out, type=dict[str, Any]).get("servers"))
    except (TimeoutError, msgspec.MsgspecError):
        return []
    finally:
        if process.returncode is None:
            process.kill()


def parts_of(said: Any) -> list[Part]:
    """The parts in a status: `/readyz`'s stores (name to `up`, or to what is wrong), or the local stack's servers.

    >>> parts_of({"redis": "up", "kafka": "timed out"})
    [Part(name='redis', kind='', up=True), Part(name='kafka', kind='timed out', up=False)]
    >>> parts_of([{"name": "kafka", "kind": "mock", "alive": True, "ready": False}])
    [Part(name='kafka', kind='mock', up=False)]
    """
    if isinstance(said, dict):
        stores = {str(name): state for name, state in said.items() if isinstance(state, str)}
        return [Part(name, "" if state == "up" else state, state == "up") for name, state in stores.items()]
    servers = [row for row in said if isinstance(row, dict)] if isinstance(said, list) else []
    return [Part(str(row.get("name", "?")), str(row.get("kind", "")), bool(row.get("ready"))) for row in servers]


def generations_of(said: Any) -> dict[str, int]:
    """The live generation by name, whatever the tenant.

    >>> generations_of({"shop": {"lists": 2, "ranker": 1}})
    {'lists': 2, 'ranker': 1}
    """
    tenants = said.values() if isinstance(said, dict) else ()
    return {name: number for live in tenants if isinstance(live, dict) for name, number in live.items()}


def merge(first: list[Part], second: list[Part]) -> list[Part]:
    """Both lists; where a name is in both the first says whether it is up, the second may know its kind."""
    kinds = {part.name: part.kind for part in second}
    merged = [Part(part.name, part.kind or kinds.get(part.name, ""), part.up) for part in first]
    return merged + [part for part in second if part.name not in {known.name for known in first}]
