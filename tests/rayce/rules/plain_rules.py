"""The rules applied the plain way, item by item and without arrays: what `BoundRules` must equal; and what must always hold."""

import math
from collections.abc import Sequence

from rayce.circumstances import Circumstances
from rayce.decay import DAY_MS
from rayce.rules.rule import Rule
from rayce.segments.catalogue import Catalogue
from rayce.shelf import Shelf


class Plain:
    """One request."""

    def __init__(
        self,
        rules: Sequence[Rule],
        shelf: Shelf,
        catalogue: Catalogue,
        pool: Sequence[int],
        circumstances: Circumstances,
        bits: int,
        now_ms: int,
    ) -> None:
        self.shelf, self.pool, self.now_ms = shelf, pool, now_ms
        self.rules = [rule for rule in rules if rule.audience.compile(catalogue)(circumstances, bits, now_ms)]

    def matches(self, rule: Rule, item: int) -> bool:
        shelf, wanted = self.shelf, rule.items
        if wanted is None:
            return True
        if wanted.category is not None and not set(wanted.category) & shelf.category_sets[item]:
            return False
        if wanted.brand is not None and shelf.brands[shelf.brand[item]] not in wanted.brand:
            return False
        if wanted.ids is not None and shelf.ids[item] not in {str(each) for each in wanted.ids}:
            return False
        if wanted.newer_than_days is not None:
            added = int(shelf.added_ms[item])
            if not added or self.now_ms - added >= wanted.newer_than_days * DAY_MS:
                return False
        if wanted.price is None:
            return True
        price, bounds = round(float(shelf.price[item]), 2), wanted.price
        least, most = bounds.between or (-math.inf, math.inf)
        return (
            (bounds.below is None or price < bounds.below)
            and (bounds.above is None or price > bounds.above)
            and least <= price <= most
        )

    def kind(self, rule: Rule, by: str, item: int) -> object:
        shelf = self.shelf
        if not self.matches(rule, item):
            return None
        if by == "category":
            return shelf.category_sets[item] or None
        return (shelf.brands[shelf.brand[item]] if by == "brand" else shelf.groups[shelf.group[item]]) or None

    def dropped(self, item: int) -> bool:
        return any(rule.filter and self.matches(rule, item) == (rule.filter == "drop") for rule in self.rules)

    def after(self, scores: Sequence[float]) -> list[float]:
        mean = math.fsum(scores) / len(scores)
        spread = math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / len(scores)) or 1.0
        found = []
        for item, score in zip(self.pool, scores, strict=True):
            matching = [rule for rule in self.rules if self.matches(rule, item)]
            total = round(math.fsum(math.log(rule.boost or rule.bury or 1.0) for rule in matching), 9)
            for rule in matching:
                if rule.freshness is not None and self.shelf.added_ms[item]:
                    age_days = max(0.0, (self.now_ms - int(self.shelf.added_ms[item])) / DAY_MS)
                    total += rule.freshness.weight * 2 ** -(age_days / rule.freshness.half_life_days)
            found.append(score + spread * total)
        self.spread = spread
        return found

    def pinned(self, limit: int) -> dict[int, int]:
        pinned: dict[int, int] = {}
        for rule in self.rules:
            if rule.pin is None:
                continue
            position = rule.pin.position - 1
            for item_id in rule.pin.items:
                item = self.shelf.number.get(str(item_id))
                if item is None or item not in self.pool or self.dropped(item) or item in pinned.values():
                    continue
                while position in pinned:
                    position += 1
                if position < limit:
                    pinned[position] = item
        return pinned

    def arranged(self, scores: Sequence[float], limit: int) -> list[int]:
        """Item numbers, best first: each place anew from all that is left."""
        after = dict(zip(self.pool, self.after(scores), strict=True)) if self.pool else {}
        rank = {item: i for i, item in enumerate(self.pool)}
        pinned = self.pinned(limit)
        left = [item for item in self.pool if not self.dropped(item) and item not in pinned.values()]
        diverse = next((rule for rule in self.rules if rule.diversify), None)
        order: list[int] = []
        while left:
            before = [*pinned.values(), *order]

            def value(item: int, before: list[int] = before) -> float:
                if diverse is None or diverse.diversify is None:
                    return after[item]
                kind = self.kind(diverse, diverse.diversify.by, item)
                alike = kind is not None and sum(
                    self.kind(diverse, diverse.diversify.by, other) == kind for other in before
                )
                return after[item] - self.spread * diverse.diversify.strength * alike

            best = min(left, key=lambda item: (-round(value(item), 9), -round(after[item], 9), rank[item]))
            order.append(best)
            left.remove(best)
        return self._capped(order, pinned, limit)

    def _capped(self, order: list[int], pinned: dict[int, int], limit: int) -> list[int]:
        found: list[int] = []
        pins = dict(pinned)
        while len(found) < limit:
            at = len(found)
            if at in pins:
                found.append(pins.pop(at))
                continue
            fits = next((item for item in order if not self.exceeds(item, found, pins, at, limit)), None)
            if fits is None:
                break
            order.remove(fits)
            found.append(fits)
        return (found + [pins[position] for position in sorted(pins)])[:limit]

    def exceeds(self, item: int, found: list[int], pins: dict[int, int], at: int, limit: int) -> bool:
        """Whether the item on this place would be one too many of its kind, the pins that are still to come counted."""
        for rule in self.rules:
            if rule.cap is None or at >= (rule.cap.within or limit):
                continue
            within = rule.cap.within or limit
            others = found[:within] + [pin for position, pin in pins.items() if position < within]
            kind = self.kind(rule, rule.cap.by, item)
            if kind is not None and sum(self.kind(rule, rule.cap.by, o) == kind for o in others) >= rule.cap.at_most:
                return True
        return False

    def broken(self, shown: list[int], limit: int) -> list[str]:
        """The promises that a list breaks: empty for a good one."""
        pinned = self.pinned(limit)
        told = []
        if len(set(shown)) != len(shown):
            told.append("an item twice")
        if not set(shown) <= set(self.pool):
            told.append("an item that is not in the pool")
        if len(shown) > limit:
            told.append("too many")
        if any(self.dropped(item) for item in shown):
            told.append("a filtered item")
        for position, item in pinned.items():
            if len(shown) > position and shown[position] != item:
                told.append("a pin elsewhere")
        for rule in self.rules:
            if rule.cap is None:
                continue
            first = shown[: rule.cap.within or limit]
            kinds = [self.kind(rule, rule.cap.by, item) for item in first if item not in pinned.values()]
            if any(kind is not None and kinds.count(kind) > rule.cap.at_most for kind in kinds):
                told.append("a cap exceeded")
        return told
