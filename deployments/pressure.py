"""How hard a replica is pressed: how late its event loop runs, and how long its calls take. The scaling policy is told."""

import asyncio
from collections.abc import Callable

LOOK_EVERY_S = 0.05
WEIGHT = 0.1
"""Of the newest value in the running means: about the last half second counts for the lag."""
LAG_MS, CALL_MS = "loop_lag_ms", "call_ms"
"""Names under which the policy finds them (`deployments.scaling_policy`)."""


class Pressure:
    """Running means. The clock is in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
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
        return {LAG_MS: round(self._lag_s * 1000, 3), CALL_MS: round(self._call_s * 1000, 3)}

    async def _watch(self) -> None:
        while True:
            due_s = self._clock() + LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
            self.late(self._clock() - due_s)
