"""Logged decisions as requests that rules can be tried on."""

from collections.abc import Iterable

from rayce.decision import Decision
from rayce.rules.comparison import Request

USUAL_LIMIT = 10


def has_pool(decision: Decision) -> bool:
    """Whether it tells its candidates with their scores before the rules, as one in so many recommendations does."""
    return decision.kind == "recommendation" and bool(decision.pool)


def requests_of(decisions: Iterable[Decision]) -> list[Request]:
    """The requests; how many items were asked for is taken from how many were shown."""
    return [
        Request(each.circumstances, each.flags, each.at_ms, len(each.shown) or USUAL_LIMIT, each.pool)
        for each in decisions
    ]
