"""Counts of short-lived memberships by when they end, so that how many are in force is known at any moment without events.

Expiries are counted in buckets of a power of two of seconds. A bit whose memberships spread over more than `MAX_BUCKETS`
gets buckets twice as wide, so a bucket is below a hundredth of what a membership lasts, and memory is bounded.
"""

from msgspec import Struct

MAX_BUCKETS = 240
"""Of one bit; a membership of at most so many seconds is counted to the second."""


class Expiries(Struct, array_like=True):
    """Memberships of one bit by bucket of their expiry. Those that end before `floor_s` are over and not counted."""

    width_s: int = 1
    floor_s: int = 0
    buckets: dict[int, int] = {}
    """Number of the bucket (expiry // width) to memberships."""

    def add(self, expires_at_s: int, count: int) -> bool:
        """Count so many more (or fewer) that end then; False where they are over and no longer counted."""
        if expires_at_s < self.floor_s:
            return False
        bucket = expires_at_s // self.width_s
        left = self.buckets.get(bucket, 0) + count
        if left:
            self.buckets[bucket] = left
        else:
            self.buckets.pop(bucket, None)
        while len(self.buckets) > MAX_BUCKETS:
            self.widen(2 * self.width_s)
        return True

    def widen(self, width_s: int) -> None:
        """Wider buckets: `width_s` is a multiple of the width. What is counted stays counted."""
        if width_s <= self.width_s:
            return
        wider: dict[int, int] = {}
        for bucket, count in self.buckets.items():
            at = bucket * self.width_s // width_s
            wider[at] = wider.get(at, 0) + count
        self.width_s, self.buckets = width_s, {bucket: count for bucket, count in wider.items() if count}

    def prune(self, now_s: int) -> dict[int, int]:
        """Drop the buckets that are over; returns how many memberships ended, by the second at which their bucket did."""
        first = now_s // self.width_s
        over = {bucket: count for bucket, count in self.buckets.items() if bucket < first}
        for bucket in over:
            del self.buckets[bucket]
        self.floor_s = max(self.floor_s, first * self.width_s)
        return {(bucket + 1) * self.width_s: count for bucket, count in over.items()}

    def in_force(self, now_s: int) -> int:
        """Memberships that are not over; one in the bucket of `now_s` still counts."""
        first = now_s // self.width_s
        return sum(count for bucket, count in self.buckets.items() if bucket >= first)

    def merge(self, other: "Expiries") -> None:
        """Add another's counts, for reading: what one of the two no longer counts is not known any more."""
        width_s = max(self.width_s, other.width_s)
        self.widen(width_s)
        for bucket, count in other.buckets.items():
            at = bucket * other.width_s // width_s
            self.buckets[at] = self.buckets.get(at, 0) + count
        self.floor_s = max(self.floor_s, other.floor_s)
