"""Filling a list place by place: pins first claim theirs, then the best item goes on each place left that no cap forbids.

Diversity is the greedy form of maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998, section 2) with a similarity of 1
within a kind and 0 otherwise: the value of an item falls by `penalty` for each one of its kind that stands before it.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush, heapreplace
from typing import NamedTuple

from rayce.rules.matching import NO_KIND


class Limit(NamedTuple):
    """A cap: the rule's name, the kind of each item of the pool, and how many of one kind within how many places."""

    name: str
    kind: Sequence[int]
    at_most: int
    within: int


class Spread(NamedTuple):
    """Diversity: the rule's name, the kind of each item of the pool, and what each further one of a kind loses."""

    name: str
    kind: Sequence[int]
    penalty: float


Told = dict[int, list[str]]
"""Names of rules by place in the pool."""


def draw(
    order: Iterator[int], pinned: dict[int, int], limits: Sequence[Limit], limit: int, told: Told | None
) -> list[int]:
    """At most `limit` of the pool. `order` gives those that are not pinned, best first; `pinned` places by position (from 0).

    Caps are hard: where nothing that is left fits, the list ends there, and pins further down move up. Pins count towards
    caps and are not bound by them.
    """
    if not limits:
        return _plain(order, pinned, limit)
    counters = [_counter(cap, pinned) for cap in limits]
    borders = {cap.within for cap in limits}
    found: list[int] = []
    waiting: list[int] = []
    retry = False  # counts only grow, so those that wait get a chance only where a cap ends
    positions = sorted(pinned, reverse=True)
    while len(found) < limit:
        at = len(found)
        retry = retry or at in borders
        if positions and positions[-1] <= at:
            found.append(pinned[positions.pop()])
            continue
        place = _return(waiting, counters, at) if retry else None
        if place is None:
            retry = False
            place = _fitting(order, waiting, counters, at, told)
        if place is None:
            break
        found.append(place)
    found += [pinned[position] for position in reversed(positions)]
    return found[:limit]


def _plain(order: Iterator[int], pinned: dict[int, int], limit: int) -> list[int]:
    found = [place for _n, place in zip(range(limit - len(pinned)), order, strict=False)]
    for position in sorted(pinned):
        found.insert(position, pinned[position])  # beyond the end: at the end
    return found[:limit]


class _Counter(NamedTuple):
    cap: Limit
    seen: dict[int, int]
    """By kind, how many stand within the cap's places."""


def _counter(cap: Limit, pinned: dict[int, int]) -> _Counter:
    seen: dict[int, int] = {}
    for position, place in pinned.items():
        if position < cap.within:
            seen[cap.kind[place]] = seen.get(cap.kind[place], 0) + 1
    return _Counter(cap, seen)


def _return(waiting: list[int], counters: Sequence[_Counter], at: int) -> int | None:
    """The first of those that had to wait that may stand on position `at` now."""
    for i, place in enumerate(waiting):
        if _forbidding(place, counters, at) is None:
            return waiting.pop(i)
    return None


def _fitting(
    order: Iterator[int], waiting: list[int], counters: Sequence[_Counter], at: int, told: Told | None
) -> int | None:
    """The best of the others that may stand on position `at`; those before it have to wait."""
    for place in order:
        name = _forbidding(place, counters, at)
        if name is None:
            return place
        waiting.append(place)
        if told is not None:
            told.setdefault(place, []).append(name)
    return None


def _forbidding(place: int, counters: Sequence[_Counter], at: int) -> str | None:
    """The cap that does not let it stand on position `at`; None where it may, and then it is counted."""
    for cap, seen in counters:
        if at < cap.within and cap.kind[place] != NO_KIND and seen.get(cap.kind[place], 0) >= cap.at_most:
            return cap.name
    for cap, seen in counters:
        if at < cap.within:
            seen[cap.kind[place]] = seen.get(cap.kind[place], 0) + 1
    return None


def spread_out(
    order: Iterable[int], scores: Sequence[float], spread: Spread, pinned: Iterable[int], told: Told | None
) -> Iterator[int]:
    """The places of `order` (best first, by `scores` of the whole pool), each further one of a kind for `penalty` less.

    What is pinned counts. Of equal values the one that stood before comes first. Lazy in two ways: what is not asked for is not
    computed, and a value is worked out anew only when it comes to the top, as values only ever fall (Minoux, 1978).
    """
    seen: dict[int, int] = {}
    for place in pinned:
        seen[spread.kind[place]] = seen.get(spread.kind[place], 0) + 1
    seen[NO_KIND] = 0
    best: list[tuple[float, int, int, int]] = []
    coming = enumerate(order)
    following = next(coming, None)
    while following is not None or best:
        while following is not None and (not best or scores[following[1]] > -best[0][0]):
            rank, place = following
            count = seen.get(spread.kind[place], 0)
            heappush(best, (spread.penalty * count - scores[place], rank, place, count))
            following = next(coming, None)
        _value, rank, place, counted = best[0]
        kind = spread.kind[place]
        count = seen.get(kind, 0)
        if count != counted:
            heapreplace(best, (spread.penalty * count - scores[place], rank, place, count))
            continue
        heappop(best)
        if kind != NO_KIND:
            seen[kind] = count + 1
        if told is not None and count:
            told.setdefault(place, []).append(spread.name)
        yield place
