"""How hard a replica is pressed, for the scaling policy: how late its loop is, how long calls take, how many are under way."""

import asyncio
from collections.abc import Callable

LOOK_EVERY_S = 0.05
WEIGHT = 0.1
"""Of the newest value in the running means: about the last half second counts for the lag."""
LAG_MS, CALL_MS, UNDER_WAY = "loop_lag_ms", "call_ms", "under_way"
"""Names under which the policy finds them (`deployments.scaling_policy`)."""


class Pressure:
    """Running means. The clock is in seconds; `under_way` counts requests that Ray does not know of."""

    def __init__(self, clock: Callable[[], float], under_way: Callable[[], int] = lambda: 0) -> None:
        self._clock = clock
        self._under_way = under_way
        self._seen = 0.0
        self._lag_s = self._call_s = 0.0
        self._calls = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Watch the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def late(self, lag_s: float) -> None:
        """The loop was so much late."""
        self._lag_s += WEIGHT * (max(0.0, lag_s) - self._lag_s)

    def took(self, call_s: float) -> None:
        """A call took so long."""
        self._call_s += WEIGHT * (call_s - self._call_s)
        self._calls += 1

    def told(self) -> dict[str, float]:
        """For the policy, which asks now and then. Who is not called any more calms down."""
        if not self._calls:
            self._call_s /= 2
        self._calls = 0
        return {
            LAG_MS: round(self._lag_s * 1000, 3),
            CALL_MS: round(self._call_s * 1000, 3),
            UNDER_WAY: round(self._seen, 3),
        }

    async def _watch(self) -> None:
        while True:
            due_s = self._clock() + LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
            self.late(self._clock() - due_s)
            self._seen += WEIGHT * (self._under_way() - self._seen)
