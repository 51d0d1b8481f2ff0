"""What is wanted right now: people, not events, the latest more, and no group so small that it would show one's session."""

import numpy as np

from rayce.event import Event
from rayce.history import replay
from rayce.interactions import gather
from rayce.segments.catalogue import load_catalogue
from rayce.trending import HALF_LIFE_MS, LATELY_MS, MAX_KEYS, MIN_PEOPLE, TOP, Trends, build_trends, trending_keys
from tests.samples import T0, event

NAMES = {0: "shopping_now", 3: "repeat_buyer"}
NUMBER = {f"p{n}": n for n in range(300)}


def trends(*log: Event, gone: tuple[int, ...] = (), until_ms: int = T0) -> Trends:
    available = np.ones(len(NUMBER), dtype=np.bool_)
    available[list(gone)] = False
    return build_trends(gather(replay(log, {}, load_catalogue()), NUMBER), available, NAMES, until_ms)


def crowd(item: str, size: int = MIN_PEOPLE, first: int = 1, **more: object) -> list[Event]:
    return [event("view", item, who=who, **more) for who in range(first, first + size)]  # type: ignore[arg-type]


def items(ranked: list[tuple[int, float]]) -> list[int]:
    return [item for item, _score in ranked]


def test_what_more_people_touch_comes_first() -> None:
    found = trends(*crowd("p1", 20), *crowd("p2", 25))
    assert found[""] == [(2, 25.0), (1, 20.0)]


def test_nobody_makes_a_trend_alone() -> None:
    hammering = [event("view", "p9", who=1, at=T0 - n) for n in range(500)]
    found = trends(*hammering, *crowd("p1", 20, first=2))
    assert items(found[""]) == [1, 9]
    assert dict(found[""])[9] == 1.0


def test_a_touch_counts_half_after_half_a_day_and_a_purchase_five_times() -> None:
    old = crowd("p1", 20, at=T0 - HALF_LIFE_MS)
    new = [event("purchase", "p2", who=who) for who in range(21, 24)]
    assert trends(*old, *new)[""] == [(2, 15.0), (1, 10.0)]


def test_what_was_touched_long_ago_is_no_trend() -> None:
    assert trends(*crowd("p1", 30, at=T0 - LATELY_MS)) == {}


def test_a_group_of_few_people_has_no_list_however_much_they_do() -> None:
    few = [event("view", f"p{n}", who=who, context={"country": "AT"}) for who in range(1, MIN_PEOPLE) for n in range(9)]
    assert trends(*few) == {}
    assert set(trends(*few, *crowd("p1", 1, first=99, context={"country": "AT"}))) == {"", "country:AT"}


def test_people_who_were_there_long_ago_do_not_hide_the_few_of_today() -> None:
    """A negative control of the rule: many people in a year, one today."""
    many = crowd("p1", 50, at=T0 - 2 * LATELY_MS, context={"country": "AT"})
    assert trends(*many, event("view", "p7", who=1, context={"country": "AT"})) == {}


def test_countries_have_lists_of_their_own_and_odd_words_are_no_countries() -> None:
    found = trends(
        *crowd("p1", context={"country": "DE"}),
        *crowd("p2", 30, first=100, context={"country": "austria"}),
        *crowd("p3", first=200, context={"country": 5}),
    )
    assert set(found) == {"", "country:DE"}
    assert items(found["country:DE"]) == [1]


def test_segments_have_the_list_of_what_their_members_touched_while_they_were_in_them() -> None:
    before = [event("view", "p1", who=who, at=T0 - 60_000) for who in range(1, 21)]
    within = [event("view", "p2", who=who, at=T0 - 1_000) for who in range(1, 21)]
    found = trends(*before, *within)
    assert items(found["segment:shopping_now"]) == [2]
    assert sorted(items(found[""])) == [1, 2]


def test_what_is_not_available_is_no_trend_and_lists_are_bounded() -> None:
    assert items(trends(*crowd("p1"), *crowd("p2"), gone=(1,))[""]) == [2]
    assert len(trends(*(each for n in range(TOP + 20) for each in crowd(f"p{n}")))[""]) == TOP


def test_the_keys_of_a_person_are_bounded_and_begin_with_the_country() -> None:
    keys = trending_keys("DE", [f"s{n}" for n in range(50)])
    assert keys[0] == "country:DE" and len(keys) == 1 + MAX_KEYS
    assert trending_keys("", []) == []
