"""What the log says of sessions: the same as a batch run learns of it, within bounds, and nothing of who has withdrawn."""

from hashlib import blake2b
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayce import session_stream
from rayce.event import BEHAVIOUR, CONTROL, Event, Line, encode_event
from rayce.history import read_history, replay
from rayce.interactions import gather
from rayce.session_rows import SessionRows, session_key, session_rows
from rayce.session_stream import RecentSessions, telling
from rayce.session_tail import Fresh
from tests.samples import T0, event, histories, person

NUMBER = {f"p{n}": n for n in range(12)}
BOTH = 3


def recent(events: list[Event], most: int = 10_000) -> RecentSessions:
    found = RecentSessions(most)
    for happened in telling(encode_event(each) for each in events):
        found.take(happened)
    return found


def rows_of(fresh: Fresh) -> SessionRows:
    return session_rows(fresh.session, fresh.item, fresh.at_ms, fresh.keys)


def view(*items: str, at: int = 0, who: int = 1, **more: Any) -> Event:
    return event("view", *items, at=T0 + at, who=who, **{"consent": BOTH, "session": "s1", **more})


def equal(one: SessionRows, other: SessionRows) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@settings(max_examples=100)
@given(
    histories(
        most=20,
        context=st.just({}),
        properties=st.just({}),
        items=st.lists(st.builds(Line, st.sampled_from([*NUMBER, "unknown"])), max_size=3).map(tuple),
    )
)
def test_a_batch_run_learns_the_same(log: list[Event]) -> None:
    """An id belongs to one event: only the whole event is sent again."""
    log = [Event(**{**as_dict(each), "event_id": blake2b(repr(as_dict(each)).encode()).hexdigest()}) for each in log]
    log += log[:2]
    history = read_history(map(encode_event, log), "shop", BOTH)
    batch = gather(replay(history.events(), {}), NUMBER)
    expected = session_rows(batch.session, batch.item, batch.at_ms, batch.session_keys)
    assert equal(rows_of(recent(log).fresh(NUMBER)), expected)


def as_dict(each: Event) -> dict[str, Any]:
    return {name: getattr(each, name) for name in each.__struct_fields__}


def test_only_events_that_touch_a_product_are_remembered_and_overrides_are_not_even_looked_at() -> None:
    kinds = [kind for kind in BEHAVIOUR if len(recent([event(kind, "p1", consent=BOTH)]))]
    assert kinds == ["view", "click", "add_to_cart", "purchase", "rating"]
    told = {happened.type for happened in telling(encode_event(event(kind)) for kind in CONTROL)}
    assert told == {"consent_changed", "erased"}


def test_what_was_allowed_first_counts_until_it_is_changed() -> None:
    assert len(recent([event("search", consent=1), view("p1", at=1)])) == 0
    changed = event("consent_changed", consent=3)
    assert len(recent([event("search", consent=1), changed, view("p1", at=1)])) == 1


@pytest.mark.parametrize(
    "bad", [b"", b"\xc1", encode_event(view("p1", at=-T0 - 5)), encode_event(view("x" * 129)), b"\x93\x01\xa1a\xc0"]
)
def test_what_cannot_be_an_event_is_passed_over(bad: bytes) -> None:
    assert [h.person for h in telling([bad, encode_event(view("p1", who=2))])] == [person(2)]


@pytest.mark.parametrize("consent", [0, 1, 2, 6])
def test_without_consent_for_both_nothing_is_learnt(consent: int) -> None:
    assert len(recent([view("p1", consent=consent)])) == 0


@pytest.mark.parametrize("kind, left", [("erased", 0), ("consent_changed", 1)])
def test_who_withdraws_is_forgotten_at_once_and_what_follows_too(kind: str, left: int) -> None:
    log = [view("p1"), view("p2", at=1), view("p1", who=2), view("p3", at=2, who=2)]
    found = recent(log)
    (told,) = telling([encode_event(event(kind, who=1, consent=left))])
    assert found.take(told), "it cannot wait"
    (late,) = telling([encode_event(view("p4", at=3))])
    assert not found.take(late), "accepted before, in the log after"
    fresh = found.fresh(NUMBER)
    assert {*fresh.item.tolist()} == {1, 3} and len(found) == 2
    assert fresh.forgotten.tolist() == [session_key(person(1), "s1")]


def test_who_consents_again_is_heard_again() -> None:
    log = [view("p1"), event("consent_changed", consent=0), event("consent_changed", consent=7), view("p4", at=9)]
    assert recent(log).fresh(NUMBER).item.tolist() == [4]


def test_an_event_that_is_sent_twice_counts_once() -> None:
    assert len(recent([view("p1"), view("p1"), view("p1", at=1)])) == 2


def test_it_is_bounded_and_keeps_what_came_last() -> None:
    found = recent([view(f"p{n % 12}", at=n, who=n % 700, session=f"s{n // 50}") for n in range(5_000)], most=1_000)
    assert 750 <= len(found) <= 1_000
    fresh = found.fresh(NUMBER)
    assert fresh.at_ms.max() == T0 + 4_999 and fresh.at_ms.min() >= T0 + 4_000
    assert len(fresh.keys) <= len(found) and len(found._seen) <= len(found) and len(found._people) <= 700


def test_after_a_cut_sessions_go_on_as_what_they_were() -> None:
    log = [view(f"p{n % 12}", at=n, who=n % 3) for n in range(40)]
    cut, whole = recent(log, most=16).fresh(NUMBER), recent(log).fresh(NUMBER)
    kept = whole.at_ms >= cut.at_ms.min()
    assert sorted(zip(cut.keys[cut.session], cut.item, cut.at_ms, strict=True)) == sorted(
        zip(whole.keys[whole.session[kept]], whole.item[kept], whole.at_ms[kept], strict=True)
    )


def test_another_shelf_has_other_numbers_and_what_it_does_not_hold_is_left_out() -> None:
    found = recent([view("p1"), view("p2", at=1), view("p3", at=2)])
    assert found.fresh(NUMBER).item.tolist() == [1, 2, 3]
    assert found.fresh({"p3": 0, "p2": 1}).item.tolist() == [1, 0]
    assert found.fresh(NUMBER).item.tolist() == [1, 2, 3]


def test_decisions_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_stream, "MAX_KNOWN", 10)
    monkeypatch.setattr(session_stream, "MAX_FORGOTTEN", 5)
    log = [each for n in range(50) for each in (view("p1", who=n), event("consent_changed", who=n, consent=0))]
    found = recent(log)
    assert len(found._known) <= 10 and len(found.fresh(NUMBER).forgotten) == 5 and len(found) == 0


def test_a_mutant_that_learns_without_consent_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    check = test_a_batch_run_learns_the_same.hypothesis.inner_test  # type: ignore[attr-defined]
    log = [view("p1"), view("p2", at=1, consent=1), view("p3", at=2)]
    check(log)
    monkeypatch.setattr(session_stream, "PURPOSES", 0)
    with pytest.raises(AssertionError):
        check(log)
