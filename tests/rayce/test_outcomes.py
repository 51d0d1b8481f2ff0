"""What followed a recommendation: credited once, in time, to the last decision that showed it, with permission only."""

import pytest

from rayce.decision import VERSION, Decision, ShownItem, encode_decision
from rayce.outcomes import HORIZON_MS, outcomes, read_shown
from tests.samples import T0, event, person


def shown(number: int, *items: str, at: int = T0, **more: object) -> Decision:
    given: dict[str, object] = {"kind": "recommendation", "tenant": "shop", "person": person(1), "purposes": 3, **more}
    lines = tuple(ShownItem(item, 1.0 - n / 10) for n, item in enumerate(items))
    return Decision(version=VERSION, decision_id=f"d{number}", at_ms=at, shown=lines, **given)  # type: ignore[arg-type]


def read(*decisions: Decision, persons: tuple[str, ...] = (person(1),), noise: tuple[bytes, ...] = ()) -> list[str]:
    records = [*noise, *map(encode_decision, decisions)]
    return [each.decision_id for each in read_shown(records, "shop", persons, T0, T0 + HORIZON_MS)]


def test_the_greatest_of_what_followed_counts() -> None:
    log = [event("click", "p1", at=T0 + 1), event("purchase", "p1", at=T0 + 9), event("add_to_cart", "p2", at=T0 + 5)]
    assert outcomes([shown(1, "p1", "p2", "p3")], log) == {"d1": {"p1": 5.0, "p2": 3.0}}


def test_the_last_decision_that_showed_it_is_credited_and_no_other() -> None:
    decisions = [shown(1, "p1"), shown(2, "p1", at=T0 + 100), shown(3, "p2", at=T0 + 200), shown(4, "p1", at=T0 + 999)]
    assert outcomes(decisions, [event("click", "p1", at=T0 + 300)]) == {"d2": {"p1": 1.0}}


@pytest.mark.parametrize(
    "not_credited",
    [
        event("click", "p1", at=T0 - 1),
        event("click", "p1", at=T0 + HORIZON_MS + 1),
        event("click", "p9", at=T0 + 1),
        event("click", "p1", at=T0 + 1, who=2),
        event("view", "p1", at=T0 + 1),
        event("impression", "p1", at=T0 + 1),
    ],
    ids=["before it", "too late", "not shown", "somebody else", "a look", "an impression"],
)
def test_what_did_not_follow_from_it_is_not_credited(not_credited: object) -> None:
    assert outcomes([shown(1, "p1")], [not_credited]) == {}  # type: ignore[list-item]
    assert outcomes([shown(1, "p1")], [event("click", "p1", at=T0 + HORIZON_MS)]) == {"d1": {"p1": 1.0}}


def test_only_permitted_decisions_of_the_tenant_and_the_time_are_read_once_each() -> None:
    assert read(
        shown(9, "p1", at=T0 + 9),
        shown(1, "p1"),
        shown(1, "p1"),
        shown(2, "p1", purposes=1),
        shown(3, "p1", context={"gpc": "1"}),
        shown(4, "p1", tenant="elsewhere"),
        shown(5, "p1", person=person(2)),
        shown(6, "p1", person=""),
        shown(7, "p1", at=T0 - 1),
        shown(8, "p1", kind="slot"),
        shown(10),
        noise=(b"", b"{", b'{"version":1}'),
    ) == ["d1", "d9"]


def test_where_impressions_are_sent_only_what_was_seen_is_read() -> None:
    seen = shown(2, kind="impression")
    assert read(shown(1, "p1"), shown(2, "p1"), seen) == ["d2"]
    assert read(shown(1, "p1"), shown(2, "p1"), shown(77, kind="impression")) == ["d1", "d2"]
