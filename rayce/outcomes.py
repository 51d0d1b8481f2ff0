"""What followed a recommendation: which of the shown products were clicked, carted or bought within a declared time.

Each such event is credited to the last decision that had shown the product to the person, and to no other.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping

from rayce.decision import Decision, decode_decision
from rayce.errors import InvalidInput
from rayce.event import Event

GRADES = {"click": 1.0, "add_to_cart": 3.0, "purchase": 5.0}
"""What each is worth; of one product the greatest counts."""
HORIZON_MS = 24 * 3_600_000

Outcomes = Mapping[str, Mapping[str, float]]
"""By decision id, the worth of those shown products that had one."""


def read_shown(
    records: Iterable[bytes], tenant: str, persons: Collection[str], from_ms: int, until_ms: int
) -> list[Decision]:
    """The tenant's recommendations to these people in that time, each once, by time. What is unreadable is passed over.

    `persons` are those whose consent stands; a decision itself must have been made under one for training. Where impressions
    are sent for recommendations, only those that somebody has seen: what was never on screen tells nothing.
    """
    found: dict[str, Decision] = {}
    seen: set[str] = set()
    for record in records:
        try:
            decision = decode_decision(record)
        except InvalidInput:
            continue
        if decision.tenant != tenant or decision.person not in persons or not decision.trainable:
            continue
        if decision.kind == "impression":
            seen.add(decision.decision_id)
        elif decision.kind == "recommendation" and decision.shown and from_ms <= decision.at_ms < until_ms:
            found.setdefault(decision.decision_id, decision)
    shown = [each for each in found.values() if each.decision_id in seen] or list(found.values())
    return sorted(shown, key=lambda each: (each.at_ms, each.decision_id))


def outcomes(decisions: Iterable[Decision], events: Iterable[Event], horizon_ms: int = HORIZON_MS) -> Outcomes:
    """What followed each decision within the horizon; decisions in order of time."""
    shown: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for decision in decisions:
        for item in decision.shown:
            shown.setdefault((decision.person, item.item_id), []).append((decision.at_ms, decision.decision_id))
    found: dict[str, dict[str, float]] = {}
    for event in events:
        worth = GRADES.get(event.type)
        if worth is None:
            continue
        for line in event.items:
            when = shown.get((event.person, line.item_id), [])
            place = bisect_right(when, event.timestamp_ms, key=lambda entry: entry[0]) - 1
            if place >= 0 and event.timestamp_ms - when[place][0] <= horizon_ms:
                told = found.setdefault(when[place][1], {})
                told[line.item_id] = max(told.get(line.item_id, 0.0), worth)
    return found
