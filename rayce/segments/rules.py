"""Rules as a marketer writes them, checked and made into an expression. Text from clients is never evaluated.

For example: `all: [{feature: cart_items, ge: 1}, {not: {feature: purchases, ge: 1}}]`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rayce.errors import InvalidCatalogue
from rayce.features.feature_set import ALL, FeatureSet
from rayce.segments.expression import AllOf, AnyOf, Bound, Comparison, InSegment, Not, Rule

MAX_DEPTH, MAX_NODES, MAX_BOUND = 8, 200, 1e15
MAX_WORDS, MAX_WORD = 300, 64
"""Of one `in`, and characters of each."""

COMPARISONS = ("ge", "gt", "le", "lt", "eq", "ne")
"""Of numbers."""
WORD_COMPARISONS = ("eq", "ne", "in")
"""Of categorical features; the empty word means that nothing is known."""


NO_SEGMENTS: Mapping[str, "Place"] = {}


class Place(NamedTuple):
    """Where another segment's membership is kept."""

    bit: int
    short_lived: bool


class _Known(NamedTuple):
    segments: Mapping[str, Place]
    features: FeatureSet


def parse_rule(tree: object, key: str, segments: Mapping[str, Place] = NO_SEGMENTS, features: FeatureSet = ALL) -> Rule:
    """The expression of a tree; `segments` are those that `in_segment` may name.

    `InvalidCatalogue` names the key below `key` and the value that offends.
    """
    if nodes(tree, MAX_NODES) > MAX_NODES:
        raise InvalidCatalogue(f"{key}: more than {MAX_NODES} nodes", key, None)
    return _parse(tree, key, 1, _Known(segments, features))


def nodes(tree: object, most: int) -> int:
    """Maps and lists in the tree, counted no further than needed: YAML can express trees without end.

    The words of an `in` are no nodes, so the list of them counts as one.
    """
    count, waiting = 0, [tree]
    while waiting and count <= most:
        node = waiting.pop()
        if isinstance(node, dict | list):
            count += 1
            waiting += node.values() if isinstance(node, dict) else node
    return count


def _parse(tree: object, key: str, depth: int, known: _Known) -> Rule:
    if depth > MAX_DEPTH:
        raise InvalidCatalogue(f"{key}: deeper than {MAX_DEPTH}", key, depth)
    if not isinstance(tree, dict) or not tree:
        raise InvalidCatalogue(
            f"{key}: a rule is a map with `all`, `any`, `not`, `feature` or `in_segment`, not {tree!r}", key, tree
        )
    if "feature" in tree:
        return _comparison(tree, key, known.features)
    if len(tree) != 1:
        raise InvalidCatalogue(f"{key}: one of `all`, `any`, `not` at a time, not {list(tree)}", key, list(tree))
    (word, below), path = next(iter(tree.items())), f"{key}.{next(iter(tree))}"
    if word == "in_segment":
        return _in_segment(below, path, known.segments)
    if word == "not":
        return Not(_parse(below, path, depth + 1, known))
    if word not in ("all", "any"):
        raise InvalidCatalogue(f"{key}: unknown word `{word}`", key, word)
    if not isinstance(below, list) or not below:
        raise InvalidCatalogue(f"{path}: a list of rules, not {below!r}", path, below)
    rules = tuple(_parse(rule, f"{path}[{i}]", depth + 1, known) for i, rule in enumerate(below))
    return AllOf(rules) if word == "all" else AnyOf(rules)


def _in_segment(name: object, key: str, segments: Mapping[str, Place]) -> InSegment:
    if not isinstance(name, str) or name not in segments:
        raise InvalidCatalogue(f"{key}: unknown segment {name!r}", key, name)
    return InSegment(name, *segments[name])


def _comparison(tree: dict[Any, Any], key: str, features: FeatureSet) -> Comparison:
    name = tree["feature"]
    if not isinstance(name, str) or not (name in features.numbers or name in features.words):
        known = ", ".join([*features.numbers, *features.words])
        raise InvalidCatalogue(f"{key}.feature: unknown feature `{name}`; known: {known}", key, name)
    categorical = name in features.words
    bounds: list[tuple[str, Bound]] = []
    for word, bound in tree.items():
        if word == "feature":
            continue
        words = WORD_COMPARISONS if categorical else COMPARISONS
        if word not in words:
            raise InvalidCatalogue(
                f"{key}: unknown comparison `{word}` of `{name}`; known: {', '.join(words)}", key, word
            )
        path = f"{key}.{word}"
        bounds.append((word, _words(word, bound, path) if categorical else _number(bound, path)))
    if not bounds:
        raise InvalidCatalogue(f"{key}: feature `{name}` is compared with nothing", key, name)
    return Comparison(name, categorical, tuple(bounds))


def _number(bound: object, key: str) -> float:
    if isinstance(bound, bool) or not isinstance(bound, int | float) or not abs(bound) <= MAX_BOUND:
        raise InvalidCatalogue(f"{key}: a number, not {bound!r}", key, bound)
    return float(bound)


def _words(word: str, bound: object, key: str) -> Bound:
    if word != "in":
        return _word(bound, key)
    if not isinstance(bound, list) or not 0 < len(bound) <= MAX_WORDS:
        raise InvalidCatalogue(f"{key}: a list of 1 to {MAX_WORDS} words, not {bound!r}", key, bound)
    return tuple(_word(each, f"{key}[{i}]") for i, each in enumerate(bound))


def _word(bound: object, key: str) -> str:
    if isinstance(bound, bool):
        raise InvalidCatalogue(f'{key}: YAML reads this as {bound}; put it in quotes ("NO")', key, bound)
    if not isinstance(bound, str) or len(bound) > MAX_WORD:
        raise InvalidCatalogue(f"{key}: a word of at most {MAX_WORD} characters, not {bound!r}", key, bound)
    return bound
