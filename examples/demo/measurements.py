"""What the demo counts and measures while it runs; the page and the report read it."""

from collections import Counter, deque
from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from examples.demo.hits import HitRate

LISTS = ("rayce", "most_popular", "bought_before")
WINDOW = 2_000
RECENT = 300
FEWEST = 20
"""Baskets before a hit rate is drawn: the first few say nothing."""

POINTS = 600


def percentile(sorted_values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile of ascending values; None of none.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5), percentile([], 0.5)
    (2.0, None)
    """
    if not sorted_values:
        return None
    return sorted_values[max(0, ceil(len(sorted_values) * share) - 1)]


class Latencies:
    """Milliseconds: all of them for the report, the last `WINDOW` for the page."""

    def __init__(self) -> None:
        self.all_ms: list[float] = []

    def add(self, ms: float) -> None:
        """One measurement more."""
        self.all_ms.append(ms)

    def percentiles(self, window: int | None = None) -> dict[str, float | None]:
        """p50, p90, p99 of everything, or of the last `window` measurements."""
        values = sorted(self.all_ms[-window:] if window else self.all_ms)
        return {f"p{round(share * 100)}": _rounded(percentile(values, share)) for share in (0.5, 0.9, 0.99)}


class Point(NamedTuple):
    """One second of the live charts: real time in seconds, then what was measured; None where there was nothing."""

    at_s: float
    events_per_s: float | None
    lag: float | None
    visible_p50_ms: float | None
    visible_p99_ms: float | None
    request_p50_ms: float | None
    request_p99_ms: float | None
    rayce: float | None
    most_popular: float | None
    bought_before: float | None


class Measurements:
    """Everything that was measured since the start."""

    def __init__(self) -> None:
        self.request_ms, self.visible_ms = Latencies(), Latencies()
        self.served: Counter[str] = Counter()
        self.served_personal: Counter[str] = Counter()
        self.hits = {name: HitRate() for name in LISTS}
        self.requests = self.failed_requests = self.retries = 0
        self.events_sent = self.events_rejected = self.not_stored = self.miscounted = self.never_visible = 0
        self.baskets_played = 0
        self.failures: deque[str] = deque(maxlen=20)
        self.points: deque[Point] = deque(maxlen=POINTS)

    def retried(self, _error: Exception) -> None:
        """One call more had to be made again while loading."""
        self.retries += 1

    def failed(self, what: str) -> None:
        """One request had no good answer."""
        self.failed_requests += 1
        self.failures.append(what)

    def live_share(self, *, personal: bool) -> float | None:
        """The share of replies ranked live; `personal`: of those to people who consented."""
        served = self.served_personal if personal else self.served
        total = sum(served.values())
        return served["live"] / total if total else None

    def point(self, at_s: float, events_per_s: float | None, lag: float | None) -> None:
        """One second more for the charts."""
        visible, request = self.visible_ms.percentiles(RECENT), self.request_ms.percentiles(RECENT)
        rates = (rate.hit_rate if rate.baskets >= FEWEST else None for rate in (self.hits[name] for name in LISTS))
        self.points.append(
            Point(at_s, events_per_s, lag, visible["p50"], visible["p99"], request["p50"], request["p99"], *rates)
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
