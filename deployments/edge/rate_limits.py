"""How many requests a second a key may make: a token bucket per key and replica, without asking anybody.

A replica gives a key its part of the limit, by how many replicas there are: the ingress spreads requests evenly, and a shared
counter would cost every request a round trip. A replica that has just started counts itself only, so for a second or so after
replicas come or go a key may have up to twice its limit, or less than it.

Replies say how things stand as draft-ietf-httpapi-ratelimit-headers-10 has it.
"""

from collections.abc import Mapping
from hashlib import blake2b
from math import ceil
from typing import NamedTuple

WHOLE = 1.0 - 1e-9
"""One request, for floats that were added up."""
MAX_BUCKETS = 10_000
"""Keys with a bucket; who are more than that start anew."""


class Limit(NamedTuple):
    """Requests a second over all replicas (0: no limit), and how many may come at once after a pause."""

    rate_per_s: float = 0.0
    burst: float = 0.0


class Verdict(NamedTuple):
    """Whether a request may go on; else after how many seconds one may; and what replies say."""

    allowed: bool
    retry_after_s: int
    headers: tuple[tuple[bytes, bytes], ...]


class LiveReplicas:
    """Counts those that still tell: what a living replica tells hot memory changes every second."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._told: dict[str, bytes] = {}

    def count(self, status: Mapping[str, bytes]) -> int:
        """How many have told something new since the last look; at least one: who asks."""
        told = {
            name: blake2b(body, digest_size=8).digest()
            for name, body in status.items()
            if name.startswith(self._prefix)
        }
        changed = sum(self._told.get(name) != digest for name, digest in told.items()) if self._told else 1
        self._told = told
        return max(1, changed)


class RateLimits:
    """The buckets of one replica."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}
        self._live = LiveReplicas("edge:")
        self.replicas = 1

    def look(self, told: Mapping[str, bytes]) -> None:
        """What replicas told hot memory, a second or so after the last look: how many share the limit."""
        self.replicas = self._live.count(told)

    def take(self, key: str, limit: Limit, now_s: float) -> Verdict:
        """One request of the key; `now_s` on a monotonic clock."""
        rate_per_s = limit.rate_per_s / self.replicas
        most = max(1.0, limit.burst / self.replicas)
        left, at_s = self._buckets.get(key, (most, now_s))
        left = min(most, left + max(0.0, now_s - at_s) * rate_per_s)
        allowed = left >= WHOLE
        if allowed:
            left -= 1.0
        if key not in self._buckets and len(self._buckets) >= MAX_BUCKETS:
            self._buckets.clear()
        self._buckets[key] = (left, now_s)
        until_next_s = 0 if left >= WHOLE else ceil((1.0 - left) / rate_per_s)
        return Verdict(allowed, until_next_s, self._headers(limit, left, until_next_s))

    def _headers(self, limit: Limit, left: float, until_next_s: int) -> tuple[tuple[bytes, bytes], ...]:
        """`q` per `w` seconds is the policy, of all replicas; `r` is what this one would let pass now, `t` when more."""
        policy = b'"key";q=%d;w=%d' % window(limit)
        return ((b"ratelimit-policy", policy), (b"ratelimit", b'"key";r=%d;t=%d' % (int(left), until_next_s)))


def window(limit: Limit) -> tuple[int, int]:
    """A limit as whole requests in whole seconds.

    >>> window(Limit(50.0)), window(Limit(0.5)), window(Limit(2.5))
    ((50, 1), (1, 2), (5, 2))
    """
    for seconds in (1, 2, 4, 5, 10, 20, 60, 3600):
        requests = limit.rate_per_s * seconds
        if requests >= 1 and requests == int(requests):
            return int(requests), seconds
    return max(1, int(limit.rate_per_s * 3600)), 3600
