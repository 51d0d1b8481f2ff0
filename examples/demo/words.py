"""Rayce's names as words for people: reasons, segments, features, rungs."""

from collections.abc import Callable, Mapping

from rayce.client import Bought, RecommendedItem

DAY_MS = 86_400_000
NEVER_DAYS = 3_650.0

RUNGS = {
    "live": "ranked live from the current profile",
    "stale": "the last live list of this shopper",
    "precomputed": "the list computed for this shopper by the batch job",
    "segment": "the top list of one of the shopper's segments",
    "global": "the top list of everybody",
}
SOURCES = {
    "session": "goes with your visit",
    "precomputed": "fits what you buy",
    "bought_before": "you bought it before",
    "popular": "popular now",
    "given": "asked for",
}

FEATURES = (
    *("views", "add_to_carts", "purchases", "days_since_last_event", "days_since_purchase"),
    *("spend", "mean_basket_value", "mean_interval_days", "overdue_ratio", "distinct_items_bought", "interest"),
    *("session_depth", "session_items", "cart_items", "cart_value"),
    *("purchases_7d", "spend_30d", "top_category_share", "categories", "price_sensitivity"),
)
"""Those of a shopper that the page shows: of more than a hundred, the ones a person would ask for."""

Title = Callable[[str], str]


def reason(item: RecommendedItem, title: Title, bought: Mapping[str, Bought], now_ms: int) -> str:
    """Why a product is in the list, in a few words.

    >>> habit = {"p1": Bought("p1", count=4, first_ms=1, last_ms=27 * DAY_MS)}
    >>> reason(RecommendedItem("p1", source="bought_before"), str, habit, 30 * DAY_MS)
    'you buy it every ~9 days'
    >>> reason(RecommendedItem("p2", source="session", because="p1"), str.upper, {}, 0)
    'goes with P1'
    """
    if isinstance(item.because, str) and item.because:
        return f"goes with {title(item.because)}"
    had = bought.get(item.item_id)
    if had is not None and item.source != "session":
        return _habit(had, now_ms)
    return SOURCES.get(item.source or "", spoken(item.source or ""))


def _habit(had: Bought, now_ms: int) -> str:
    if had.count > 1 and 0 < had.first_ms < had.last_ms:
        days = (had.last_ms - had.first_ms) / DAY_MS / (had.count - 1)
        return "you buy it every day" if days < 1.5 else f"you buy it every ~{days:.0f} days"
    if had.count > 1:
        return f"bought {had.count} times, last {ago(had.last_ms, now_ms)}"
    return f"bought {ago(had.last_ms, now_ms)}"


def ago(at_ms: int, now_ms: int) -> str:
    """How long ago, roughly.

    >>> ago(0, 3 * DAY_MS), ago(0, DAY_MS), ago(0, 60_000)
    ('3 days ago', 'yesterday', 'today')
    """
    days = round((now_ms - at_ms) / DAY_MS)
    return "today" if days < 1 else "yesterday" if days == 1 else f"{days} days ago"


_SPELLED = {"dynamodb": "DynamoDB"}


def spoken(name: str) -> str:
    """An identifier as words; a name as its owner spells it.

    >>> spoken("likely_to_buy_soon"), spoken("dynamodb")
    ('likely to buy soon', 'DynamoDB')
    """
    return _SPELLED.get(name, name.replace("_", " ").strip())


def feature(name: str, value: float | None) -> str:
    """A feature's value; its name tells the unit.

    >>> feature("days_since_purchase", 2.25), feature("days_since_purchase", 3650.0), feature("views", 3.0)
    ('2.2', 'never', '3')
    """
    if value is None:
        return "–"
    if "days" in name:
        return "never" if value >= NEVER_DAYS else f"{value:,.1f}"
    if name in ("spend", "mean_basket_value", "cart_value"):
        return f"${value:,.2f}"
    if name.endswith("_s"):
        return f"{value:,.0f}"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
