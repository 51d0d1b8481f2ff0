"""What rules cost a request: twenty of every kind in force, 200 candidates of 10,000 items, a list of ten; processor time."""

import time
from collections.abc import Callable

import numpy as np

from benchmarks.program import arguments, finish, say
from rayce.circumstances import Circumstances, words
from rayce.decay import DAY_MS
from rayce.item import Item
from rayce.rules.rule_set import RuleSet, parse_rules
from rayce.segments.catalogue import Catalogue, load_catalogue
from rayce.shelf import NOTHING, Shelf

ITEMS, POOL, LIMIT, RULES = 10_000, 200, 10, 20
NOW_MS = 1_800_000_000_000
PHONE = Circumstances("home", words({"device": "phone", "country": "DE"}))

ACTIONS = (
    "items: {category: [c1]}, filter: drop",
    "items: {brand: [b3, b7]}, boost: 1.5",
    "items: {price: {above: 80}}, bury: 0.5",
    "items: {category: [c4, c5], newer_than_days: 90}, boost: 1.2",
    "items: {ids: [i1, i2, i3]}, filter: drop",
)
LAST = (
    "pin: {items: [i77, i78], position: 2}",
    "cap: {by: brand, at_most: 2, within: 10}",
    "diversify: {by: category, strength: 0.4}",
    "freshness: {half_life_days: 7}",
)
AUDIENCE = "{segments: {none: [%s]}, slots: [home, cart], context: {device: [phone, desktop]}, from: 2026-01-01}"


def rules(catalogue: Catalogue) -> RuleSet:
    """All of them in force."""
    names = list(catalogue.by_name)
    actions = [ACTIONS[n % len(ACTIONS)] for n in range(RULES - len(LAST))] + list(LAST)
    lines = [f"  - {{name: r{n}, audience: {AUDIENCE % names[n % len(names)]}, {a}}}" for n, a in enumerate(actions)]
    return parse_rules("version: 1\nrules:\n" + "\n".join(lines), catalogue)


def shelf() -> Shelf:
    """Twelve departments of fifty shelves, eighty brands, half a year of new items."""
    items = [
        Item(f"i{n}", "", (f"c{n % 12}", f"c{n % 12}-{n % 50}"), f"b{n % 80}", n % 97 + 0.99) for n in range(ITEMS)
    ]
    none = np.full((ITEMS, 1), NOTHING, dtype=np.int32)
    added = np.array([NOW_MS - n % 180 * DAY_MS for n in range(ITEMS)], dtype=np.int64)
    return Shelf.from_items(items, np.ones(ITEMS, np.float32), none, np.zeros((ITEMS, 1), np.float32), added)


def cpu_us(work: Callable[[], object], times: int, rounds: int) -> list[float]:
    """Processor time of one call in each round, ascending."""
    found = []
    for _ in range(rounds):
        begun_s = time.process_time()
        for _ in range(times):
            work()
        found.append((time.process_time() - begun_s) / times * 1e6)
    return sorted(found)


def main() -> None:
    """Entry point."""
    quick = arguments(__doc__).parse_args().quick
    times, rounds = (100, 5) if quick else (2_000, 15)
    catalogue, items = load_catalogue(), shelf()
    random = np.random.default_rng(4)
    pool = random.choice(ITEMS, POOL, replace=False).astype(np.int32)
    if 77 not in pool:
        pool[50] = 77
    scores = random.normal(size=POOL)
    found = rules(catalogue)
    bind = cpu_us(lambda: found.bind(items, catalogue), 1, rounds)
    bound, without = found.bind(items, catalogue), parse_rules("version: 1").bind(items, catalogue)
    in_force = len(bound.active(PHONE, 0, NOW_MS))
    say(f"{in_force} rules in force, bound in {bind[0] / 1000:.1f} ms")
    arranged = cpu_us(lambda: bound.arrange(pool, scores, PHONE, 0, NOW_MS, LIMIT), times, rounds)
    explained = cpu_us(lambda: bound.arrange(pool, scores, PHONE, 0, NOW_MS, LIMIT, explain=True), times, rounds)
    plain = cpu_us(lambda: without.arrange(pool, scores, PHONE, 0, NOW_MS, LIMIT), times, rounds)
    metrics = {
        "rules_us": round(arranged[len(arranged) // 2], 1),
        "rules_explained_us": round(explained[len(explained) // 2], 1),
        "no_rules_us": round(plain[len(plain) // 2], 1),
        "bind_ms": round(bind[len(bind) // 2] / 1000, 1),
        "in_force": in_force,
    }
    finish("rules", metrics, {"rules": RULES, "candidates": POOL, "items": ITEMS, "quick": quick})


if __name__ == "__main__":
    main()
