"""Why a product is shown, in words for the person in front of the page."""

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
