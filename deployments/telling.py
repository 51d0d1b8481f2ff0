"""A replica tells hot memory how it is doing, so that any edge can answer for all: its metrics, and models it has left."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping

import msgspec

from rayce.metrics import Metrics
from rayce.stores.interfaces import HotReader

TELL_EVERY_S = 1.0
MAX_TOLD = 64
LEFT, LEFT_COUNTS_S = "left:", 5.0
"""What replicas tell of models that they have left, and for how long that counts: they say it again, or they are gone."""


class Left(msgspec.Struct, frozen=True):
    """Models of which a replica does not use the live generation, by tenant and name, and why."""

    at_ms: int
    models: dict[str, str]


class Telling:
    """What former replicas told is kept, so that totals go on, but only of the newest `MAX_TOLD` of a kind."""

    def __init__(
        self,
        kind: str,
        hot: HotReader,
        metrics: Metrics,
        left: Callable[[], dict[str, str]] = lambda: {},
        looked: Callable[[Mapping[str, bytes]], None] = lambda told: None,
    ) -> None:
        self._kind = f"{kind}:"
        self._name = f"{self._kind}{time.time_ns():020d}:{os.getpid()}"
        self._hot = hot
        self._metrics = metrics
        self._left = left
        self._looked = looked
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def tell(self) -> None:
        """Once. `Unavailable` where hot memory is away."""
        await self._hot.tell_status(self._name, self._metrics.to_bytes())
        if models := self._left():
            left = Left(time.time_ns() // 1_000_000, models)
            await self._hot.tell_status(LEFT + self._name, msgspec.json.encode(left))
        status = await self._hot.read_status()
        self._looked(status)
        for prefix in (self._kind, LEFT + self._kind):
            told = sorted(name for name in status if name.startswith(prefix))
            await self._hot.forget_status(told[:-MAX_TOLD])

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            try:
                await self.tell()
            except Exception:  # hot memory is away: told again in a second
                continue


def models_left(statuses: Mapping[str, bytes], now_ms: int) -> dict[str, str]:
    """What replicas told lately of models that they have left, by tenant and name."""
    found: dict[str, str] = {}
    for name, body in statuses.items():
        if name.startswith(LEFT):
            try:
                left = msgspec.json.decode(body, type=Left)
            except msgspec.MsgspecError:  # another version's
                continue
            if now_ms - left.at_ms < LEFT_COUNTS_S * 1000:
                found |= left.models
    return found
