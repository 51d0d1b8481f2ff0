"""The parts of a score: what the kernel says of one person and one product, in the order of its rows.

The first four are shares of the person's next baskets and add up by themselves (`FIXED`); the rest is for learned weights.
"""

from rayce.lists.columns import ITEM_COLUMNS

PARTS = (
    "habit",  # in how many of their baskets it was, half by all of them, half by the recent ones
    "taste",  # what their habits amount to in its group, shared out within the group by popularity
    "affinity",  # what goes with their habits and with what they looked at
    "popularity",  # its share of all that is bought
    "count",  # how often they bought it
    "share",  # in how many of their baskets
    "weight_28",  # purchases, each halved for every 28 days
    "rate_14",  # the same by as decayed baskets, by half-life in days
    "rate_28",
    "rate_56",
    "rate_112",
    "days_since",
    "interval_days",  # between two of their purchases of it
    "overdue",  # days_since by interval_days
    "looked",  # what they looked at lately
    "habits",  # EASE^R over how often they bought what
    "tastes",  # EASE^R over how lately
    "following",  # what comes after what they bought
    "kind_rate",  # decayed purchases of its narrowest category by decayed baskets
    "kind_share",  # the same, shared out within the category by popularity
    "kind_items",  # different products of the category they bought
    "group_rate",
    "brand_rate",
    "kind_new",  # products of the category that they bought for the first time, decayed
    "kind_novelty",  # different products by purchases of the category
    "line_rate",  # decayed purchases of its group of its brand by decayed baskets
    "line_share",  # the same, shared out by popularity
    *ITEM_COLUMNS,
    "baskets_28",
    "baskets",
    "items_28",  # purchases of products, decayed
    "novelty",  # different products by purchases of products
    "days_since_purchase",
    "expected",  # what the order of their purchases leads one to expect next: the logarithm of its chance
    "expected_place",  # how many of the candidates are expected more
)

FIXED = {"habit": 1.0, "taste": 0.6, "affinity": 0.03, "popularity": 2.0}
"""Weights for a shop whose history is too short to learn from; fitted on another shop's year."""
