"""Shoppers that act and ask while something is broken: what was acknowledged, and which replies were failures."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable

from benchmarks.shoppers import admit, count_events
from benchmarks.wire import Wire


class Traffic:
    """Every shopper sends an event and asks for segments and recommendations, again and again, in a closed loop.

    An event that was not acknowledged is sent again with the same id, as a careful sender does; a read that fails
    is a failure.
    """

    def __init__(self, url: str, key: str, shoppers: int, prefix: str) -> None:
        self.wire = Wire(url, key)
        self.users = [f"{prefix}-{n}" for n in range(shoppers)]
        self.sent: Counter[str] = Counter()
        self.served: Counter[str] = Counter()
        self.live_and_personal = 0
        self.failures: list[str] = []
        self.repeats = 0
        self._prefix = prefix
        self._stop = asyncio.Event()

    async def run(self, disturb: Callable[[], Awaitable[None]], before_s: float = 1.5, after_s: float = 3.0) -> None:
        """Traffic, then the disturbance in the middle of it, then traffic; then every event is looked for."""
        await admit(self.wire, self.users)
        shoppers = [asyncio.ensure_future(self._shop(user)) for user in self.users]
        await asyncio.sleep(before_s)
        await disturb()
        await asyncio.sleep(after_s)
        self._stop.set()
        await asyncio.gather(*shoppers)

    async def count(self) -> tuple[int, int]:
        """(lost, doubled)."""
        return await count_events(self.wire, self.sent, patience_s=30)

    async def _shop(self, user: str) -> None:
        for n in itertools.count():
            if self._stop.is_set():
                return
            await self._act(user, n)
            await self._ask("GET", f"/v1/users/{user}/segments")
            await self._ask("GET", f"/v1/users/{user}/recommendations?limit=5")
            await asyncio.sleep(0.02)

    async def _act(self, user: str, n: int) -> None:
        event = {
            "event_id": f"{user}-{n}",
            "type": "add_to_cart" if n % 2 == 0 else "remove_from_cart",
            "user_id": user,
            "items": [{"item_id": "p1"}],
        }
        for _try in range(60):
            reply = await self.wire.send("POST", "/v1/events", event)
            if reply.status == 202 and reply.json()["accepted"] == 1:
                self.sent[user] += 1
                return
            self.repeats += 1
            await asyncio.sleep(0.25)
        self.failures.append(f"event {event['event_id']} was never acknowledged: {reply}")

    async def _ask(self, method: str, path: str) -> None:
        reply = await self.wire.get(path)
        if reply.status not in (200, 404):
            self.failures.append(f"{method} {path}: {reply.status} {reply.body[:200]!r}")
        elif "recommendations" in path:
            body = reply.json()
            self.served[str(body["served"])] += 1
            self.live_and_personal += body["served"] == "live" and body["personal"] is True
