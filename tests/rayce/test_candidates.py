"""Candidates: where they come from, and what must never be among them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.candidates import (
    BOUGHT,
    GIVEN,
    POPULAR,
    PRECOMPUTED,
    SESSION,
    Candidates,
    Wish,
    find_candidates,
    forbidden,
)
from rayce.decay import DAY_MS
from rayce.event import Event
from rayce.item import Item
from rayce.profile import Profile
from rayce.shelf import NOTHING
from tests.samples import T0, event, folded, histories
from tests.shops import ITEMS, make_shelf

SHELF = make_shelf()
IDS = [item.item_id for item in ITEMS]


def names(found: Candidates) -> list[str]:
    return [SHELF.ids[n] for n in found.items]


def find(
    profile: Profile | None = None, listed: tuple[tuple[str, float], ...] = (), now_ms: int = T0, **wish: object
) -> Candidates:
    return find_candidates(SHELF, profile, list(listed), Wish(**wish), now_ms, 40)  # type: ignore[arg-type]


def test_who_is_unknown_gets_what_is_popular() -> None:
    found = find()
    assert names(found) == IDS
    assert set(found.source) == {POPULAR}


def test_the_session_comes_first_then_the_list_then_habits_then_what_is_popular() -> None:
    profile = folded(event("purchase", "p7", at=T0 - 3 * DAY_MS), event("view", "p0"))
    found = find(profile, (("p9", 3.0), ("p1", 1.0)))
    assert names(found)[:4] == ["p1", "p2", "p9", "p7"]
    assert list(found.source[:4]) == [SESSION, SESSION, PRECOMPUTED, BOUGHT]
    assert list(found.list_score[:3]) == [1.0, 0.0, 3.0]
    assert list(found.list_rank[:3]) == [1, 3, 0]


def test_a_neighbour_says_which_product_it_goes_with() -> None:
    found = find(session_items=("p0",))
    assert [SHELF.ids[n] if n != NOTHING else None for n in found.because[:3]] == ["p0", "p0", None]
    assert found.session_score[0] == pytest.approx(0.9)


def test_the_same_neighbour_of_two_anchors_counts_for_both_and_names_the_stronger() -> None:
    found = find(session_items=("p0", "p1"))
    at = names(found).index("p2")
    assert found.session_score[at] == pytest.approx(0.5 + 0.9)
    assert SHELF.ids[found.because[at]] == "p1"


def test_what_was_touched_long_ago_is_no_anchor() -> None:
    profile = folded(event("view", "p0", at=T0 - 3 * DAY_MS))
    assert SESSION not in find(profile).source


def test_the_callers_own_candidates_are_the_only_ones_in_their_order() -> None:
    found = find(folded(event("view", "p0")), (("p9", 1.0),), candidates=("p5", "p3", "nothing", "p5", "p9"))
    assert names(found) == ["p5", "p3", "p9"]
    assert set(found.source) == {GIVEN}
    assert found.list_score[2] == 1.0


def test_categories_are_a_filter() -> None:
    assert names(find(categories=("garden", "dairy-1"))) == ["p1", "p2", "p5", "p7", "p8", "p11"]
    assert names(find(categories=("hats",))) == []


def test_what_is_not_available_is_no_candidate() -> None:
    shelf = make_shelf([Item("gone", available=False), *ITEMS])
    found = find_candidates(shelf, None, [("gone", 9.0)], Wish(candidates=("gone", "p1")), T0, 10)
    assert [shelf.ids[n] for n in found.items] == ["p1"]


@pytest.mark.parametrize("ago_ms, shown", [(0, False), (86_400_000 - 1, False), (86_400_000, True)])
def test_what_was_bought_stays_away_for_its_time(ago_ms: int, shown: bool) -> None:
    profile = folded(event("purchase", "p3", at=T0 - ago_ms))
    assert ("p3" in names(find(profile))) is shown


def test_what_is_in_the_cart_or_excluded_is_not_shown() -> None:
    profile = folded(event("add_to_cart", "p3"))
    assert not {"p3", "p4"} & set(names(find(profile, exclude=("p4",))))
    assert forbidden(None, Wish(exclude=("p4",)), T0) == {"p4"}


wishes = st.builds(
    Wish,
    limit=st.integers(1, 20),
    exclude=st.lists(st.sampled_from(IDS), max_size=4).map(tuple),
    categories=st.lists(st.sampled_from(["bakery", "dairy", "hats"]), max_size=2).map(tuple),
    candidates=st.lists(st.sampled_from([*IDS, "x"]), max_size=6).map(tuple),
    session_items=st.lists(st.sampled_from([*IDS, "x"]), max_size=4).map(tuple),
)
listings = st.lists(st.tuples(st.sampled_from([*IDS, "x"]), st.floats(-5, 5)), max_size=8)


@given(histories(people=1, most=20), wishes, listings, st.integers(0, 3 * DAY_MS), st.integers(1, 30))
def test_whatever_is_known_and_wished_nothing_forbidden_is_found(
    history: list[Event], wish: Wish, listed: list[tuple[str, float]], later: int, limit: int
) -> None:
    profile, now_ms = folded(*history), T0 + later
    found = find_candidates(SHELF, profile, listed, wish, now_ms, limit)
    ids = names(found)
    assert len(ids) <= limit and len(ids) == len(set(ids))
    assert not set(ids) & forbidden(profile, wish, now_ms)
    assert not set(ids) & {item for item, had in profile.bought.items() if had.last_ms > now_ms - DAY_MS}
    if wish.candidates:
        assert set(ids) <= set(wish.candidates)
    if wish.categories:
        assert all(SHELF.category_sets[n] & set(wish.categories) for n in found.items)
    assert all(len(column) == len(ids) for column in found)
    assert np.isfinite(found.session_score).all()
