"""Why a product is shown, in words for the person in front of the page."""

from collections.abc import Mapping
from typing import Any

from rayce.client import RecommendedItem

REASONS = {
    "precomputed": "chosen for you",
    "bought_before": "you have bought it before",
    "similar_sessions": "people who looked at the same things took it",
    "trending": "many look at it just now",
    "popular": "popular",
    "new": "new here",
}


def reason_of(one: RecommendedItem, because: str = "") -> str:
    """The reason, and what a rule did to it; "" where rayce was not asked to explain.

    >>> reason_of(RecommendedItem("p1", source="session"), "Moka Pot")
    'goes with Moka Pot'
    >>> reason_of(RecommendedItem("p1", source="popular", rules=["no more than three of a brand"]))
    'popular (rule: no more than three of a brand)'
    """
    if one.source is None:
        return ""
    reason = f"goes with {because}" if because else REASONS.get(one.source, one.source.replace("_", " "))
    return f"{reason} (rule: {', '.join(one.rules)})" if one.rules else reason


SIGNS = {"eq": "is", "ne": "is not", "lt": "below", "le": "at most", "gt": "above", "ge": "at least", "in": "one of"}
JOINS = {"all": "all of these", "any": "any of these", "not": "not"}


def sentences(rule: Mapping[str, Any], depth: int = 0) -> list[tuple[int, str]]:
    """A segment's rule, line by line with its depth, and what was seen of the person.

    >>> sentences({"any": [{"feature": "cart_items", "ge": 1.0, "value": 2.0, "holds": True}], "holds": True})
    [(0, 'any of these'), (1, 'cart items at least 1: you have 2')]
    """
    for word, told in JOINS.items():
        below = rule.get(word)
        if below is not None:
            parts = below if isinstance(below, list) else [below]
            return [(depth, told), *(line for part in parts for line in sentences(part, depth + 1))]
    if "in_segment" in rule:
        return [(depth, f"in the group {rule['in_segment']}".replace("_", " "))]
    name = str(rule.get("feature", "")).replace("_", " ")
    wanted = " and ".join(f"{sign} {_short(rule[key])}" for key, sign in SIGNS.items() if key in rule)
    seen = f": you have {_short(rule['value'])}" if rule.get("value") is not None else ""
    return [(depth, f"{name} {wanted}".strip() + seen)]


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
