"""What pages ask for, at a constant rate until told to end: recommendations, segments, decisions. Each reply is kept."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.wire import Reply, Wire

RECOMMENDATIONS, SEGMENTS, DECISIONS = "recommendations", "segments", "decisions"
SLOT = "banner"
SLOTS_TEXT = f"""
version: 1
slots:
  - name: {SLOT}
    variants: [{{name: plain, payload: 1}}, {{name: loud, payload: 2}}]
    fallback: plain
    experiments: [{{name: louder, arms: [{{variant: plain}}, {{variant: loud}}]}}]
    rules: [{{name: everybody, experiment: louder}}]
"""
LIMITS = (4, 5, 6)
"""Places on the pages that ask, so that not everything is answered from memory."""
NEW_ONE_IN, NOBODY_ONE_IN = 4, 10
"""Of so many recommendations one is for somebody who was not here before, and one for nobody that is known."""


class Row(NamedTuple):
    """A reply: when it was due and came (`time.perf_counter`), what was asked, the status (0: none came), the rung."""

    due_s: float
    came_s: float
    kind: str
    status: int
    served: str

    @property
    def took_ms(self) -> float:
        """Counted from the intended moment."""
        return (self.came_s - self.due_s) * 1000

    @property
    def failed(self) -> bool:
        """Whether a page would be broken. Sent away for being too many (429) is no failure, and is counted apart."""
        return self.status == 0 or self.status >= 500


class MixedLoad:
    """Half of the requests are recommendations, the rest segments and decisions. Users in `known` come again and again."""

    def __init__(self, wire: Wire, known: Sequence[str], new: Sequence[str], rate: float, seed: int) -> None:
        self._wire, self._known, self._new, self._rate = wire, known, new, rate
        self._chance = random.Random(seed)
        self._end = asyncio.Event()
        self.rows: list[Row] = []
        self._task = asyncio.ensure_future(self._run())

    async def end(self) -> None:
        """No more; wait for those under way."""
        self._end.set()
        await self._task

    async def _run(self) -> None:
        started_s, n, running = time.perf_counter(), 0, set[asyncio.Future[None]]()
        while not self._end.is_set():
            due_s = started_s + n / self._rate
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            task = asyncio.ensure_future(self._ask(n, due_s))
            running.add(task)
            task.add_done_callback(running.discard)
            n += 1
        while running:
            await asyncio.gather(*running)

    async def _ask(self, n: int, due_s: float) -> None:
        user = self._chance.choice(self._known)
        if n % 4 == 1:
            kind, reply = SEGMENTS, await self._wire.get(f"/v1/users/{user}/segments")
        elif n % 4 == 3:
            kind, reply = DECISIONS, await self._wire.send("POST", "/v1/decisions", {"user_id": user, "slots": [SLOT]})
        else:
            kind, reply = RECOMMENDATIONS, await self._recommend(n // 2, user)
        served = str(reply.json().get("served", "")) if reply.status == 200 and kind == RECOMMENDATIONS else ""
        self.rows.append(Row(due_s, time.perf_counter(), kind, reply.status, served))

    async def _recommend(self, n: int, user: str) -> Reply:
        if n % NOBODY_ONE_IN == 0:
            seen = [f"p{self._chance.randrange(1_000)}"]  # on the page already; so no two ask the same
            return await self._wire.send("POST", "/v1/recommendations", {"limit": 5, "exclude": seen})
        if n % NEW_ONE_IN == 1:
            user = self._new[n // NEW_ONE_IN % len(self._new)]
        return await self._wire.get(f"/v1/users/{user}/recommendations?limit={self._chance.choice(LIMITS)}")


def percentile_of(rows: Sequence[Row], percent: float) -> float:
    """Of the times that replies took, ms; 0 where there were none."""
    took = sorted(row.took_ms for row in rows)
    return round(took[min(len(took) - 1, int(len(took) * percent / 100))], 2) if took else 0.0


def rungs_of(rows: Sequence[Row]) -> Counter[str]:
    """Recommendations by rung."""
    return Counter(row.served for row in rows if row.served)


def recovered_after_s(rows: Sequence[Row], healed_s: float) -> float:
    """How long after the healing the last reply came that failed or was not live; 0 where none did."""
    bad = [row.came_s for row in rows if row.due_s >= healed_s and (row.failed or row.served not in ("", "live"))]
    return round(max(bad) - healed_s, 2) if bad else 0.0
