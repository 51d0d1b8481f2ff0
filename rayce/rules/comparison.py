"""What a change of rules does to requests that really came: each pool of candidates arranged by both, side by side."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from rayce.circumstances import Circumstances
from rayce.rules.bound import BoundRules
from rayce.shelf import Shelf

MAX_EXAMPLES = 10


class Request(Struct, frozen=True):
    """A request as it was logged: its circumstances, the segments in force, and its candidates with the scores before rules."""

    circumstances: Circumstances
    bits: int
    at_ms: int
    limit: int
    pool: tuple[tuple[str, float], ...]


class Place(Struct, frozen=True):
    """An item of a list that changed, with the new rules that touched it.

    Its positions by the old and by the new rules are from 1; None: it is not in the list.
    """

    item_id: str
    old: int | None
    new: int | None
    rules: tuple[str, ...]


class Example(Struct, frozen=True):
    """One request whose list changed, in the order of the new list; what left it comes last."""

    slot: str
    context: dict[str, str]
    at_ms: int
    places: tuple[Place, ...]


class RuleUse(Struct, frozen=True):
    """Of one rule: in how many requests of the sample it was in force, and how many candidates it touched there."""

    name: str
    requests: int
    items: int


class Comparison(Struct, frozen=True):
    """`entered` and `left` count items of lists, `moved` those that stay elsewhere; `places` is how many there were."""

    requests: int
    changed: int
    places: int
    entered: int
    left: int
    moved: int
    shorter: int
    rules: tuple[RuleUse, ...]
    examples: tuple[Example, ...]
    """Those that changed most."""


def compare(requests: Sequence[Request], shelf: Shelf, old: BoundRules, new: BoundRules) -> Comparison:
    """Both sets of rules on every request. Candidates that are no longer on the shelf are passed over.

    What a new pin would add is added; whether that person had just bought it is not known here.
    """
    asked: Counter[str] = Counter()
    touched: Counter[str] = Counter()
    examples: list[tuple[int, Example]] = []
    places = entered = left = moved = shorter = changed = 0
    for request in requests:
        before, _ = _list(request, shelf, old)
        after, rules = _list(request, shelf, new)
        asked.update(new.rules[i].name for i in new.active(request.circumstances, request.bits, request.at_ms))
        touched.update(name for names in rules.values() for name in names)
        was, becomes = _positions(before), _positions(after)
        places += len(before)
        if before == after:
            continue
        changed += 1
        entered += len(becomes.keys() - was.keys())
        left += len(was.keys() - becomes.keys())
        moved += sum(was[item] != becomes[item] for item in was.keys() & becomes.keys())
        shorter += len(after) < len(before)
        far = sum(
            abs(was.get(i, request.limit + 1) - becomes.get(i, request.limit + 1)) for i in was.keys() | becomes.keys()
        )
        items = dict.fromkeys([*after, *before])
        seen = tuple(Place(item, was.get(item), becomes.get(item), rules.get(item, ())) for item in items)
        context = dict(request.circumstances.context)
        examples.append((far, Example(request.circumstances.slot, context, request.at_ms, seen)))
    examples.sort(key=lambda entry: -entry[0])
    return Comparison(
        requests=len(requests),
        changed=changed,
        places=places,
        entered=entered,
        left=left,
        moved=moved,
        shorter=shorter,
        rules=tuple(RuleUse(rule.name, asked[rule.name], touched[rule.name]) for rule in new.rules),
        examples=tuple(example for _far, example in examples[:MAX_EXAMPLES]),
    )


def _positions(items: Sequence[str]) -> dict[str, int]:
    return {item: position for position, item in enumerate(items, 1)}


def _list(request: Request, shelf: Shelf, rules: BoundRules) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """The item ids of the list, and by item id the rules that touched it."""
    pool = {shelf.number[item]: score for item, score in request.pool if item in shelf.number}
    low = min(pool.values(), default=0.0)
    for number in rules.pins(request.circumstances, request.bits, request.at_ms):
        pool.setdefault(number, low)
    items = np.fromiter(pool.keys(), np.int32, len(pool))
    scores = np.fromiter(pool.values(), np.float64, len(pool))
    found = rules.arrange(
        items, scores, request.circumstances, request.bits, request.at_ms, request.limit, explain=True
    )
    name = [shelf.ids[number] for number in items.tolist()]
    return [name[place] for place in found.places], {name[place]: rules for place, rules in found.touched.items()}
