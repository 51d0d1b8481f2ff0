"""Rules bound to a shelf: which items each is about is worked out once, so that a request costs a few array operations.

Order of application: filter; boost, bury and freshness; then place by place pins, and on the other places the best by
diversify that no cap forbids. A score's scale means nothing by itself (it may be a margin below 0), so factors work on shares
of attention, exp(score / spread), where the spread is the standard deviation of the pool's scores: `boost: 2` doubles an item's
share, which is to add spread * log(2) to its score. Items with the same factors keep their order.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.circumstances import Circumstances
from rayce.decay import DAY_MS
from rayce.rules.drawing import Limit, Spread, Told, draw, spread_out
from rayce.rules.matching import NO_KIND, Mask, Matching
from rayce.rules.rule import By, Cap, Diversify, Freshness, Pin, Rule
from rayce.segments.catalogue import Catalogue
from rayce.shelf import Ints, Shelf

Scores = NDArray[np.float64]
MAX_PLANS = 256
"""Sets of rules in force that are kept worked out."""
_SHIFT, _DROP = 0, 1
_ROUND = 1e9
"""To so many parts sums of logarithms are rounded: those of the same terms are the same, in whichever order they are added."""
_OLD = 60.0
"""Half-lives: what is older is as old as that; numbers too small for a float's exponent are slow."""


class Arranged(NamedTuple):
    """Places in the pool, best first; and when explained by place the rules that touched it, and all scores after them."""

    places: list[int]
    touched: dict[int, tuple[str, ...]]
    scores: Scores | None = None


class Plan(NamedTuple):
    """What a set of rules in force amounts to; each with its number among the rules."""

    numbers: tuple[int, ...]
    effect: NDArray[np.float64]
    aging: tuple[tuple[int, Rule, float], ...]
    """What depends on the moment: `newer_than_days`."""
    fresh: tuple[tuple[int, Freshness], ...]
    pins: tuple[tuple[Rule, int, tuple[int, ...]], ...]
    """With the position from 0 and the numbers of the items."""
    caps: tuple[tuple[int, Rule, Cap], ...]
    diverse: tuple[int, Rule, Diversify] | None


class BoundRules:
    """Rules, a shelf and a catalogue, in step with each other: bind anew when one of them changes. Shared by threads."""

    def __init__(self, rules: Sequence[Rule], shelf: Shelf, catalogue: Catalogue) -> None:
        """`rules`: the enabled ones, the most important first."""
        self.rules = tuple(rules)
        self._holds = [rule.audience.compile(catalogue) for rule in rules]
        self._shelf = shelf
        self._added_days = np.where(shelf.added_ms > 0, shelf.added_ms / DAY_MS, -np.inf)
        matching = Matching(shelf)
        self.kinds = {
            by: matching.kinds(by) for by in {part.by for r in rules for part in (r.cap, r.diversify) if part}
        }
        self._effect = np.array([_effect(rule) for rule in rules], dtype=np.float64).reshape(-1, 2)
        self._packed = np.zeros((len(shelf.ids), -(-len(rules) // 8)), dtype=np.uint8)  # as `np.packbits` over rules
        for i, rule in enumerate(rules):
            mask = matching.mask(rule.items) ^ (rule.filter == "keep")
            self._packed[:, i // 8] |= mask.astype(np.uint8) << (7 - i % 8)
        self._plan = lru_cache(MAX_PLANS)(self._planned)
        named = {
            name for rule in rules for part in ("any", "all", "none") for name in getattr(rule.audience.segments, part)
        }
        self.bits_that_matter = sum(1 << segment.bit for segment in catalogue.segments if segment.name in named)
        """Segments that any of the rules asks for: requests that differ in others only are treated alike."""

    def active(self, circumstances: Circumstances, flags_bits: int, now_ms: int) -> tuple[int, ...]:
        """The rules whose audience holds, as numbers among the rules."""
        return tuple([i for i, holds in enumerate(self._holds) if holds(circumstances, flags_bits, now_ms)])

    def pins(self, circumstances: Circumstances, flags_bits: int, now_ms: int) -> list[int]:
        """Item numbers that active pins want and that are to be had: the caller adds those that may be shown to the pool."""
        plan = self._plan(self.active(circumstances, flags_bits, now_ms))
        wanted = dict.fromkeys(number for _rule, _position, numbers in plan.pins for number in numbers)
        return [number for number in wanted if self._shelf.available[number]]

    def arrange(
        self,
        items: Ints,
        scores: Scores,
        circumstances: Circumstances,
        flags_bits: int,
        now_ms: int,
        limit: int,
        explain: bool = False,
    ) -> Arranged:
        """At most `limit` of the pool `items` (numbers on the shelf, each once), as the rules in force want them.

        What is not in the pool is never shown, by a pin either: see `pins`. Without a rule in force the order is that of the
        scores, equal ones as they come.
        """
        active = self.active(circumstances, flags_bits, now_ms)
        if not active or not len(items):
            places = np.argsort(-scores, kind="stable")[:limit].tolist()
            return Arranged(places, {}, scores if explain else None)
        return _Arrangement(self, self._plan(active), items, scores, now_ms, limit, explain).made()

    def rows(self, plan: Plan, items: Ints, age_days: Scores | None) -> NDArray[np.uint8]:
        """Pool × rules: 1 where the rule is about the item (of `keep`: where it is not)."""
        rows = np.unpackbits(self._packed.take(items, axis=0), axis=1, count=len(self.rules))
        if age_days is not None:
            for i, rule, newer_than_days in plan.aging:
                if rule.filter == "keep":
                    rows[:, i] |= age_days >= newer_than_days
                else:
                    rows[:, i] &= age_days < newer_than_days
        return rows

    def age_days(self, plan: Plan, items: Ints, now_ms: int) -> Scores | None:
        """How long ago each was first seen; infinite where that is not known. None where no rule asks."""
        if not plan.aging and not plan.fresh:
            return None
        ages: Scores = now_ms / DAY_MS - self._added_days.take(items)
        return ages

    def _planned(self, numbers: tuple[int, ...]) -> Plan:
        rules = [(i, self.rules[i]) for i in numbers]
        effect = np.zeros((len(self.rules), 2))
        effect[list(numbers)] = self._effect[list(numbers)]
        return Plan(
            numbers=numbers,
            effect=effect,
            aging=tuple((i, r, r.items.newer_than_days) for i, r in rules if r.items and r.items.newer_than_days),
            fresh=tuple((i, r.freshness) for i, r in rules if r.freshness),
            pins=tuple((r, r.pin.position - 1, self._pinned(r.pin)) for _i, r in rules if r.pin),
            caps=tuple((i, r, r.cap) for i, r in rules if r.cap),
            diverse=next(((i, r, r.diversify) for i, r in rules if r.diversify), None),
        )

    def _pinned(self, pin: Pin) -> tuple[int, ...]:
        return tuple(dict.fromkeys(self._shelf.numbers([str(item) for item in pin.items])))


class _Arrangement:
    """One request's."""

    def __init__(
        self, bound: BoundRules, plan: Plan, items: Ints, scores: Scores, now_ms: int, limit: int, explain: bool
    ) -> None:
        self._bound, self._plan, self._items = bound, plan, items
        self._scores, self._spread = _finite(scores)
        self._limit = limit
        self._age_days = bound.age_days(plan, items, now_ms)
        self._rows = bound.rows(plan, items, self._age_days)
        self._told: Told | None = {} if explain else None

    def made(self) -> Arranged:
        plan, told = self._plan, self._told
        effect = self._rows @ plan.effect
        after = np.rint(effect[:, _SHIFT] * _ROUND)
        after *= self._spread / _ROUND
        after += self._scores
        if self._age_days is not None:
            for i, freshness in plan.fresh:
                gain = _freshness(self._age_days, freshness.half_life_days)
                after += self._spread * freshness.weight * gain * self._rows[:, i]
        if told is not None:
            self._tell_matches(told)
        dropped = effect[:, _DROP] > 0
        pinned = self._pinned(dropped) if plan.pins else {}
        kept = (~dropped).nonzero()[0]
        order = kept[(-after[kept]).argsort(kind="stable")].tolist()
        taken = set(pinned.values())
        ordered = (place for place in order if place not in taken) if taken else iter(order)
        caps = [Limit(r.name, self._kind(i, cap.by), cap.at_most, cap.within or self._limit) for i, r, cap in plan.caps]
        if plan.diverse is not None:
            i, rule, wanted = plan.diverse
            apart = Spread(rule.name, self._kind(i, wanted.by), self._spread * wanted.strength)
            ordered = spread_out(ordered, after.tolist(), apart, taken, told)
        places = draw(ordered, pinned, caps, self._limit, told)
        touched = {} if told is None else {place: tuple(dict.fromkeys(names)) for place, names in told.items()}
        return Arranged(places, touched, None if told is None else after)

    def _kind(self, rule: int, by: By) -> list[int]:
        """Of each place; what the rule is not about is of no kind."""
        kind = self._bound.kinds[by].take(self._items)
        if self._bound.rules[rule].items is not None:
            kind = np.where(self._rows[:, rule], kind, NO_KIND)
        found: list[int] = kind.tolist()
        return found

    def _pinned(self, dropped: Mask) -> dict[int, int]:
        """Places by position from 0. The more important rule has its position, others the next that is free."""
        pinned: dict[int, int] = {}
        pool = self._items.tolist()
        for rule, position, numbers in self._plan.pins:
            for number in numbers:
                place = pool.index(number) if number in pool else None
                if place is None or dropped[place] or place in pinned.values():
                    continue
                while position in pinned:
                    position += 1
                if position >= self._limit:
                    break
                pinned[position] = place
                if self._told is not None:
                    self._told.setdefault(place, []).append(rule.name)
        return pinned

    def _tell_matches(self, told: Told) -> None:
        for i in self._plan.numbers:
            rule = self._bound.rules[i]
            if rule.action in ("filter", "boost", "bury", "freshness"):
                for place in np.flatnonzero(self._rows[:, i]).tolist():
                    told.setdefault(place, []).append(rule.name)


def _effect(rule: Rule) -> tuple[float, float]:
    """What a rule adds to the score of an item it is about, in spreads, and whether it drops it."""
    factor = rule.boost or rule.bury
    return math.log(factor) if factor else 0.0, float(rule.filter is not None)


def _freshness(age_days: Scores, half_life_days: float) -> Scores:
    """1 for what is new, half of it after a half-life; next to nothing where it is not known since when it is there."""
    fresh: Scores = np.exp2(-np.maximum(np.minimum(age_days / half_life_days, _OLD), 0.0))
    return fresh


def _finite(scores: Scores) -> tuple[Scores, float]:
    """Scores that are numbers, and their standard deviation (1 where they are all equal).

    What is no number goes to the end, what is infinite to its side.
    """
    mean = float(scores.sum()) / len(scores)
    if not math.isfinite(mean):
        known = scores[np.isfinite(scores)]
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        scores = np.nan_to_num(scores, nan=low - 1.0, posinf=high + 1.0, neginf=low - 1.0)
        mean = float(scores.sum()) / len(scores)
    away = scores - mean
    spread = math.sqrt(float(away @ away) / len(scores))
    return scores, spread if 0.0 < spread < math.inf else 1.0
