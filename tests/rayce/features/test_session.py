"""The current session and what was touched; by hand. Borders of a session: see also tests/rayce/test_fold.py."""

import pytest

from rayce.decay import DAY_MS, MINUTE_MS
from rayce.features import all_features
from rayce.features.session import SESSION_GAP_MS, TOUCHED_HALF_LIFE_MS, CurrentSession
from rayce.profile import MAX_SESSION_ITEMS, MAX_TOUCHED
from tests.samples import T0, event, folded

PROFILE = folded(
    event("view", "old", at=T0 - DAY_MS),
    event("search"),
    event("view", "p3", at=T0 + MINUTE_MS),
    event("add_to_cart", "p3", "p4", at=T0 + 2 * MINUTE_MS),
    event("click", "p4", at=T0 + 4 * MINUTE_MS),
)
EXPECTED = {"session_depth": 4, "session_duration_s": 240, "session_items": 2, "session_pace_per_min": 3 / 4}


def test_values_are_those_computed_by_hand() -> None:
    values = all_features(PROFILE, T0 + DAY_MS)
    assert {name: values[name] for name in CurrentSession().numbers} == pytest.approx(EXPECTED)


def test_one_event_has_no_pace() -> None:
    assert all_features(folded(event()), T0)["session_pace_per_min"] == 0


@pytest.mark.parametrize(
    "late_ms, depth, duration_s", [(1, 3, 300), (SESSION_GAP_MS, 3, 2100), (SESSION_GAP_MS + 1, 2, 300)]
)
def test_a_late_event_without_a_name_joins_a_session_that_it_could_have_opened(
    late_ms: int, depth: int, duration_s: int
) -> None:
    session = [event("view", "p1"), event("view", "p2", at=T0 + 5 * MINUTE_MS)]
    values = all_features(folded(*session, event("view", "p3", at=T0 - late_ms)), T0)
    assert (values["session_depth"], int(values["session_duration_s"])) == (depth, duration_s)


def test_an_event_of_1970_makes_no_session_of_half_a_century() -> None:
    values = all_features(folded(event("view", "p1"), event("view", "p2", at=0)), T0)
    assert (values["session_depth"], values["session_duration_s"]) == (1, 0)


def test_the_last_products_are_kept_each_once() -> None:
    profile = folded(*(event("view", f"p{n % 25}", at=T0 + n) for n in range(60)))
    assert profile.session.items == tuple(f"p{n % 25}" for n in range(60 - MAX_SESSION_ITEMS, 60))


def test_what_was_touched_halves_every_three_days_in_any_order() -> None:
    early, now = event("add_to_cart", "p1", at=T0 - TOUCHED_HALF_LIFE_MS), event("view", "p1")
    for profile in (folded(early, now), folded(now, early)):
        at_ms, weight = profile.touched["p1"]
        assert (at_ms, weight) == (T0, pytest.approx(1 + 3 / 2))


def test_of_what_was_touched_the_strongest_stay() -> None:
    liked = [event("add_to_cart", "liked", at=T0 + n) for n in range(3)]
    many = [event("view", f"p{n}", at=T0 + 10 + n) for n in range(MAX_TOUCHED + 5)]
    touched = folded(*liked, *many).touched
    assert "liked" in touched and f"p{MAX_TOUCHED + 4}" in touched and "p0" not in touched
    assert len(touched) <= MAX_TOUCHED
