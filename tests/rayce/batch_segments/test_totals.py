"""Totals over the log: what the fold counts, in windows of any length."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayce.batch_segments import totals as module
from rayce.batch_segments.definition import Total
from rayce.batch_segments.totals import NEVER_MS, Totals
from rayce.consent import PERSONALIZATION
from rayce.decay import DAY_MS
from rayce.event import LATEST_MS, Event, Line, encode_event
from rayce.features.feature_set import ALL
from rayce.history import read_history, replay
from rayce.profile import Profile
from tests.samples import T0, event, histories, person

ALL_TIME = {
    "baskets": Total("events", days=3_650),
    "value": Total("value", days=3_650),
    "since": Total("days_since", days=3_650),
}


def totals(log: list[Event], now_ms: int = T0 + 100 * DAY_MS, **of: Total) -> Totals:
    found = Totals(of, "shop", now_ms)
    found.take(encode_event(each) for each in log)
    return found


def bought(*lines: Line, days_ago: float = 0.0, **more: object) -> Event:
    return event("purchase", at=T0 - int(days_ago * DAY_MS), lines=lines, **more)  # type: ignore[arg-type]


def value(log: list[Event], total: Total, now_ms: int = T0) -> float:
    return float(totals(log, now_ms, it=total).values([person(1)])["it"][0])


buying = histories(
    most=30,
    people=2,
    type=st.sampled_from(["purchase", "purchase", "purchase", "consent_changed", "erased"]),
    event_id=st.integers(0, 8).map(str),
    context=st.just({}),
    properties=st.just({}),
)
"""Ids repeat: a purchase that is sent twice."""


@settings(max_examples=100)
@given(buying)
def test_what_is_added_up_in_a_batch_is_what_the_fold_has_added_up(log: list[Event]) -> None:
    people: dict[str, Profile] = {}
    for _moment in replay(read_history(map(encode_event, log), "shop", PERSONALIZATION).events(), people):
        pass
    found = Totals({name: Total(total.of, days=3_650) for name, total in ALL_TIME.items()}, "shop", LATEST_MS)
    found._of = {name: module._Adding(total, LATEST_MS) for name, total in ALL_TIME.items()}
    for adding in found._of.values():
        adding._since_ms = -1  # of all time
    found.take(map(encode_event, log))
    everybody = sorted({each.person for each in log})
    values, times = found.values(everybody), found.purchases(everybody)
    for n, who in enumerate(everybody):
        profile = people.get(who, Profile())
        if not profile.baskets:
            profile = Profile()
        assert values["baskets"][n] == profile.baskets == times.count[n]
        assert values["value"][n] == profile.spend
        assert values["since"][n] == min(ALL.numbers["days_since_purchase"](profile, LATEST_MS), 3_650.0)
        assert times.last_ms[n] == (profile.last_purchase_ms if profile.baskets else NEVER_MS)
        assert times.first_ms[n] == (profile.first_purchase_ms if profile.baskets else NEVER_MS)


def test_only_the_window_counts_and_nothing_after_the_moment() -> None:
    log = [bought(Line("p", 1, 5.0), days_ago=d, event_id=str(d)) for d in (-1, 0, 29.9, 30, 400)]
    assert value(log, Total("events", days=30)) == 2
    assert value(log, Total("value", days=365)) == 15.0
    assert value(log, Total("days_since", days=30)) == 0.0
    assert value(log[3:], Total("days_since", days=30)) == 3_650.0


def test_only_lines_of_one_of_each_count() -> None:
    log = [
        bought(Line("a", 2, 3.0, "garden", "x"), Line("b", 1, 100.0, "toys", "x"), event_id="1"),
        bought(Line("c", 1, 7.0, "garden", "y"), event_id="2"),
        bought(event_id="3"),
    ]
    assert value(log, Total("value", categories=("garden",))) == 13.0
    assert value(log, Total("pieces", categories=("garden", "toys"), brands=("x",))) == 3
    assert value(log, Total("events", items=("c", "a"))) == 2
    assert value(log, Total("events")) == 3, "without a filter a basket of nothing is one, as for the fold"


@pytest.mark.parametrize("kind", ["erased", "consent_changed"])
def test_what_came_before_a_withdrawal_does_not_count(kind: str) -> None:
    before, after = bought(Line("a"), days_ago=3, event_id="1"), bought(Line("a"), event_id="2")
    assert value([before, event(kind, consent=0), after], Total("events")) == 0
    again = event("consent_changed", consent=1, at=T0 + 1)
    assert value([before, event(kind, consent=0), again, after], Total("events")) == 1


def test_what_cannot_be_read_is_counted_and_other_tenants_are_not() -> None:
    found = totals([bought(Line("a"), tenant="other")], it=Total("events"))
    found.take([b"", b"\xc1", encode_event(bought(Line("a", 1, -1.0)))])
    assert found.undecodable == 3 and found.values([person(1)])["it"].tolist() == [0.0]


def test_the_last_but_one_purchase_is_known_in_whatever_order_they_come() -> None:
    log = [bought(days_ago=d, event_id=str(d)) for d in (5, 9, 1, 30)]
    times = totals(log, T0).purchases([person(1), person(2)])
    assert [(T0 - t) // DAY_MS for t in (times.last_ms[0], times.before_last_ms[0], times.first_ms[0])] == [1, 5, 30]
    assert times.count.tolist() == [4, 0] and times.before_last_ms[1] == NEVER_MS


def test_a_mutant_that_counts_a_repeated_event_twice_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    check = test_what_is_added_up_in_a_batch_is_what_the_fold_has_added_up.hypothesis.inner_test  # type: ignore[attr-defined]
    log = [bought(Line("a", 1, 2.0))] * 2
    check(log)
    monkeypatch.setattr(module, "counted", lambda ids, digest: False)
    with pytest.raises(AssertionError):
        check(log)


def test_values_are_of_the_people_asked_in_their_order() -> None:
    found = totals([bought(Line("a"), who=2)], it=Total("events"))
    assert np.array_equal(found.values([person(3), person(2)])["it"], [0.0, 1.0])
