"""Makes the whole of hot memory leaner: walks its buckets and takes out what nobody reads any more, while everything goes on.

Short-lived flags that have expired stay in a person's value until the next event; workers trim those whom they remember
(`cluster.stream.trimming`), this finds the rest. Flags are replaced only where they are still those that were read. A run may
be killed and started again from any bucket.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from rayce.segments.flags import lean_flags
from rayce.stores.interfaces import HotBuckets, Lean

AT_ONCE = 16
"""Buckets that are read at once: about 2,500 people."""


class Trimmed(NamedTuple):
    """People whose flags were read, and those whose flags were made leaner."""

    people: int
    trimmed: int


def trim_buckets(
    hot: HotBuckets, from_bucket: int, now_s: int, done: Callable[[int, Trimmed], None] = lambda following, so_far: None
) -> Trimmed:
    """Trim what had expired by `now_s`, from this bucket on; `done` is told the next bucket and the sum so far."""
    people = trimmed = 0
    for first in range(from_bucket, hot.buckets, AT_ONCE):
        following = min(first + AT_ONCE, hot.buckets)
        kept = hot.read_buckets(range(first, following))
        rows = [Lean(*each, lean) for each in kept if (lean := lean_flags(each.flags, now_s)) != each.flags]
        people += len(kept)
        trimmed += hot.trim(rows) if rows else 0
        done(following, Trimmed(people, trimmed))
    return Trimmed(people, trimmed)


def drop_lists(hot: HotBuckets, tenants: Iterable[str], bits: Iterable[int]) -> int:
    """Forget the tenants' membership lists of segments that keep none any more; returns how many there were."""
    wanted = list(bits)
    return sum(hot.drop_list(tenant, bit) > 0 for tenant in tenants for bit in wanted)
