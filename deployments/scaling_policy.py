"""How many replicas a deployment gets: enough for its requests, and more when its event loops run late or its calls take long.

Requests under way alone tell too little: coalesced calls hide how many are waiting, and a loop that is full answers late long
before it has many calls. Serve puts bounds, delays and factors around what is said here (`deployments/serve_config.yaml`).
The module travels by value into Serve's controller: it imports nothing but the standard library.
"""

import math
from collections.abc import Mapping
from typing import Any, Protocol

UNDER_WAY = "under_way"
"""Requests of a replica that Serve does not count: an edge answers before Serve's own part (`deployments.before_ray`)."""


class Seen(Protocol):
    """What is used of Serve's `AutoscalingContext`."""

    current_num_replicas: int
    target_num_replicas: int
    total_num_requests: float
    aggregated_metrics: Mapping[str, Mapping[Any, float]] | None
    config: Any


class ByLatencyAndLag:
    """The policy: the most that one of the three asks for; fewer replicas only when all three agree."""

    def __init__(
        self,
        lag_ms: float = 5.0,
        call_ms: float = 10.0,
        calm: float = 0.5,
        most_growth: float = 2.0,
    ) -> None:
        """`lag_ms` and `call_ms`: above them there are too few replicas. `calm`: nothing is taken away while either is above
        this share of it. `most_growth`: how many times as many replicas at one step, since lateness exaggerates.
        """
        self._targets = {"loop_lag_ms": lag_ms, "call_ms": call_ms}
        self._calm = calm
        self._most_growth = most_growth

    def __call__(self, seen: Seen) -> tuple[float, dict[str, Any]]:
        """(replicas wanted, state: none is kept)."""
        running, metrics = seen.current_num_replicas, seen.aggregated_metrics or {}
        under_way = seen.total_num_requests + sum(metrics.get(UNDER_WAY, {}).values())
        if running == 0:
            return (1 if under_way > 0 else seen.target_num_replicas), {}
        by_load = under_way / float(seen.config.get_target_ongoing_requests())
        pressed = self._pressure(metrics)
        if under_way < 0.5:  # nobody asks: what makes the loop late is the machine, not the load
            return math.ceil(by_load), {}
        wanted = by_load
        if pressed > 1:
            wanted = max(wanted, running * min(self._most_growth, pressed))
        elif pressed > self._calm:
            wanted = max(wanted, running)
        return math.ceil(wanted - 1e-9), {}

    def _pressure(self, metrics: Mapping[str, Mapping[Any, float]]) -> float:
        """The mean over the replicas, in targets; the worse of both."""
        shares = [0.0]
        for name, target in self._targets.items():
            values = list(metrics.get(name, {}).values())
            if values:
                shares.append(sum(values) / len(values) / target)
        return max(shares)
