"""Rules: one expression tree over features, validated and compiled to a closure. Text from clients is never evaluated.

For example: `all: [{feature: cart_items, ge: 1}, {not: {feature: purchases, ge: 1}}]`.
"""

import operator
from collections.abc import Callable
from typing import Any

from rayce.errors import InvalidCatalogue
from rayce.features import FEATURES
from rayce.profile import Profile

MAX_DEPTH, MAX_NODES, MAX_BOUND = 8, 200, 1e15

Test = Callable[[Profile, int], bool]

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "ge": operator.ge,
    "gt": operator.gt,
    "le": operator.le,
    "lt": operator.lt,
    "eq": operator.eq,
}


def compile_rule(tree: object, key: str) -> Test:
    """A test of (profile, moment in ms). `InvalidCatalogue` names the key below `key` and the value that offends."""
    if _nodes(tree) > MAX_NODES:
        raise InvalidCatalogue(f"{key}: more than {MAX_NODES} nodes", key, None)
    return _compile(tree, key, 1)


def _nodes(tree: object) -> int:
    """Maps and lists in the tree, counted no further than needed: YAML can express trees without end."""
    count, waiting = 0, [tree]
    while waiting and count <= MAX_NODES:
        node = waiting.pop()
        if isinstance(node, dict | list):
            count += 1
            waiting += node.values() if isinstance(node, dict) else node
    return count


def _compile(tree: object, key: str, depth: int) -> Test:
    if depth > MAX_DEPTH:
        raise InvalidCatalogue(f"{key}: deeper than {MAX_DEPTH}", key, depth)
    if not isinstance(tree, dict) or not tree:
        raise InvalidCatalogue(f"{key}: a rule is a map with `all`, `any`, `not` or `feature`, not {tree!r}", key, tree)
    if "feature" in tree:
        return _comparison(tree, key)
    if len(tree) != 1:
        raise InvalidCatalogue(f"{key}: one of `all`, `any`, `not` at a time, not {list(tree)}", key, list(tree))
    (word, below), path = next(iter(tree.items())), f"{key}.{next(iter(tree))}"
    if word == "not":
        inner = _compile(below, path, depth + 1)
        return lambda profile, now: not inner(profile, now)
    if word not in ("all", "any"):
        raise InvalidCatalogue(f"{key}: unknown word `{word}`", key, word)
    if not isinstance(below, list) or not below:
        raise InvalidCatalogue(f"{path}: a list of rules, not {below!r}", path, below)
    tests = [_compile(rule, f"{path}[{i}]", depth + 1) for i, rule in enumerate(below)]
    decide = all if word == "all" else any
    return lambda profile, now: decide(test(profile, now) for test in tests)


def _comparison(tree: dict[str, Any], key: str) -> Test:
    name = tree["feature"]
    if not isinstance(name, str) or name not in FEATURES:
        raise InvalidCatalogue(f"{key}.feature: unknown feature `{name}`; known: {', '.join(FEATURES)}", key, name)
    if not set(tree) - {"feature"}:
        raise InvalidCatalogue(f"{key}: feature `{name}` is compared with nothing", key, name)
    bounds: list[tuple[Callable[[float, float], bool], float]] = []
    for word, bound in tree.items():
        if word == "feature":
            continue
        if word not in COMPARISONS:
            raise InvalidCatalogue(f"{key}: unknown comparison `{word}`; known: {', '.join(COMPARISONS)}", key, word)
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not abs(bound) <= MAX_BOUND:
            raise InvalidCatalogue(f"{key}.{word}: a number, not {bound!r}", f"{key}.{word}", bound)
        bounds.append((COMPARISONS[word], float(bound)))
    feature = FEATURES[name]

    def test(profile: Profile, now: int) -> bool:
        value = feature(profile, now)
        return all(compare(value, bound) for compare, bound in bounds)

    return test
