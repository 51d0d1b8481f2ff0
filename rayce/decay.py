"""Exponential decay: weights that halve, and keeping the strongest of many."""

from collections.abc import Callable
from math import exp2
from typing import TypeVar

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

V = TypeVar("V")


def decayed(value: float, at_ms: int, added: float, now_ms: int, half_life_ms: int) -> float:
    """`value` as of `at_ms` plus `added` as of `now_ms`, both as of the later of the two moments."""
    if now_ms >= at_ms:
        return value * exp2((at_ms - now_ms) / half_life_ms) + added
    return value + added * exp2((now_ms - at_ms) / half_life_ms)


def strongest(entries: dict[str, V], limit: int, strength: Callable[[V], float]) -> dict[str, V]:
    """At most `limit` entries, those with the greatest strength at any common moment; a tie goes by name.

    When it overflows an eighth is let go at once (from the given map itself): the sorting is then paid for once in many
    events, not in each.
    """
    if len(entries) <= limit:
        return entries
    kept = limit - limit // 8
    weakest = sorted(entries, key=lambda name: (strength(entries[name]), name))[: len(entries) - kept]
    for name in weakest:
        del entries[name]
    return entries
