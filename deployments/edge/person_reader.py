"""One person as a reply needs it: read near, else by the feature reader, else by the edge itself; all within one deadline."""

import asyncio
import time
from collections.abc import Callable

from deployments.asks import ReadAsk, ReadReply
from deployments.dependency import Dependency
from deployments.edge.edge import Edge
from rayce.errors import RayceError, Unavailable

NEAR_SHARE = 0.5
"""Of the time there is, for reading near."""
FAR_SHARE = 0.6
"""Of the time that is left then, for the feature reader; the rest is for reading without it."""
STORES_SHARE = 0.8
"""Of the feature reader's time, for the stores; the rest is for the way."""
LEAST_S = 0.002


class PersonReader:
    """Belongs to one event loop."""

    def __init__(self, edge: Edge, clock: Callable[[], float] = time.monotonic) -> None:
        self._edge = edge
        self._clock = clock
        usual_s = FAR_SHARE * edge.settings.edge.read_deadline_ms / 1000
        self._far = Dependency("feature_reader", edge.read, usual_s / 2, edge.metrics, clock)

    async def read(self, person: str, generation: int, deadline_s: float) -> ReadReply | None:
        """None where no store can tell in time. `generation` is that of the lists; 0: none is live."""
        until_s = self._clock() + deadline_s
        ask = ReadAsk(person, generation)
        found = await self._read_near(ask, NEAR_SHARE * deadline_s)
        if found is not None:
            return found
        found = await self._read_far(ask, FAR_SHARE * (until_s - self._clock()))
        if found is None:
            return await self._read_directly(person, until_s - self._clock())
        if self._edge.near is not None:
            self._edge.near.told(ask, found)
        return found

    async def _read_near(self, ask: ReadAsk, within_s: float) -> ReadReply | None:
        if self._edge.near is None:
            return None
        try:
            async with asyncio.timeout(within_s):
                return await self._edge.near.read(ask)
        except TimeoutError:
            return None

    async def _read_far(self, ask: ReadAsk, within_s: float) -> ReadReply | None:
        if within_s < LEAST_S:
            return None
        try:
            return await self._far.ask(ask._replace(within_ms=max(1, int(STORES_SHARE * within_s * 1000))), within_s)
        except Unavailable:
            return None

    async def _read_directly(self, person: str, within_s: float) -> ReadReply | None:
        """Without the list."""
        if within_s >= LEAST_S:
            try:
                direct = await self._edge.people.state(person, within_s)
            except RayceError:
                pass
            else:
                return ReadReply(direct.consent.purposes, direct.value, None)
        self._edge.metrics.add("rayce_failures_total", 1, "stores")
        return None
