"""Candidates: where they come from, and what must never be among them."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from rayce.candidates import (
    BOUGHT,
    GIVEN,
    NEIGHBOURS,
    NEW,
    NEW_MS,
    NEW_SHARE,
    POPULAR,
    PRECOMPUTED,
    SESSION,
    TRENDING,
    TRENDING_SHARE,
    Candidates,
    Wish,
    find_candidates,
    forbidden,
)
from rayce.decay import DAY_MS
from rayce.event import Event
from rayce.item import Item
from rayce.profile import Profile
from rayce.session_neighbours import Sessions
from rayce.session_rows import session_rows
from rayce.shelf import NOTHING, Shelf
from tests.rayce.reference_candidates import one_by_one
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


def living(**parts: object) -> Shelf:
    """The shop with trends, with two new items, and with sessions."""
    added = np.zeros(len(IDS), dtype=np.int64)
    added[[8, 9, 10]] = [T0 - DAY_MS, T0 - 2 * DAY_MS, T0 - NEW_MS]
    shelf = Shelf.from_items(ITEMS, SHELF.popularity, SHELF.neighbours, SHELF.neighbour_scores, added)
    sessions = Sessions(session_rows(*(np.array(c, dtype=np.int32) for c in ([0, 0, 0], [3, 4, 11], [1, 2, 3]))), 12)
    lists = {"": [1, 2], "country:DE": [7, 6], "segment:regular": [5, 7, 4]}
    trending = {key: np.array(numbers, dtype=np.int32) for key, numbers in lists.items()}
    return shelf._replace(**{"trending": trending, "sessions": sessions, **parts})


def sources(found: Candidates) -> dict[str, int]:
    return {IDS[n]: source for n, source in zip(found.items.tolist(), found.source.tolist(), strict=True)}


def test_what_others_took_next_in_sessions_like_this_one_is_found() -> None:
    found = sources(find_candidates(living(), None, [], Wish(session_items=("p3", "p4")), T0, 40))
    assert found["p11"] == NEIGHBOURS
    profile = folded(event("view", "p3"), event("view", "p4", at=T0 + 1))
    assert sources(find_candidates(living(), profile, [], Wish(), T0 + 2, 40))["p11"] == NEIGHBOURS
    assert sources(find_candidates(living(), profile, [], Wish(), T0 + 3 * DAY_MS, 40))["p11"] == POPULAR


def test_what_is_trending_is_taken_in_turn_from_country_and_segments() -> None:
    wish = Wish(country="DE", segments=("unknown", "regular"))
    found = find_candidates(living(), None, [], wish, T0, 60)
    assert [IDS[n] for n, s in zip(found.items, found.source, strict=True) if s == TRENDING] == ["p7", "p5", "p6"]
    found = find_candidates(living(), None, [], Wish(country="FR"), T0, 40)
    assert [IDS[n] for n, s in zip(found.items, found.source, strict=True) if s == TRENDING] == ["p1", "p2"]


def test_new_items_are_tried_out_only_with_a_seed_and_by_a_known_chance() -> None:
    shelf = unpopular_new()
    assert NEW not in find_candidates(shelf, None, [], Wish(), T0, 20).source
    tried: Counter[str] = Counter()
    for seed in range(1, 401):
        found = find_candidates(shelf, None, [], Wish(seed=seed), T0, 20)
        (place,) = np.flatnonzero(found.source == NEW).tolist()
        assert found.explored(place) and found.propensity(place) == 0.5
        assert not found.explored(place + 1) and found.propensity(place + 1) == 1.0
        tried[IDS[found.items[place]]] += 1
    assert tried.keys() == {"p8", "p9"} and min(tried.values()) > 150


def unpopular_new() -> Shelf:
    """Nobody has taken the two new items yet."""
    shelf = living(trending={})
    return shelf._replace(popular=shelf.popular[~np.isin(shelf.popular, [8, 9])])


@pytest.mark.parametrize("limit", [20, 40])
@pytest.mark.parametrize("popular", ["last", "first", "not at all"])
def test_propensity_is_how_often_chance_lets_an_item_be_there(popular: str, limit: int) -> None:
    """Counted over many seeds; one that popularity brings anyway is there always, and says 1."""
    many = [Item(f"m{n}", categories=("x",)) for n in range(60)]
    new = np.arange(50, 60, dtype=np.int32)
    old = np.arange(50, dtype=np.int32)
    order = {"last": [*old, *new], "first": [*new[:3], *old, *new[3:]], "not at all": old}[popular]
    counts = np.zeros(60)
    counts[order] = np.arange(len(order), 0, -1)
    nothing = np.full((60, 1), -1, dtype=np.int32)
    added = np.where(np.arange(60) >= 50, T0 - DAY_MS, 0)
    shelf = Shelf.from_items(many, counts, nothing, np.zeros((60, 1), dtype=np.float32), added)
    shelf = shelf._replace(popular=np.array(order, dtype=np.int32), trending={})
    there, said = Counter[int](), dict[int, set[float]]()
    for seed in range(1, 401):
        found = find_candidates(shelf, None, [], Wish(seed=seed), T0, limit)
        for place, item in enumerate(found.items.tolist()):
            there[item] += 1
            said.setdefault(item, set()).add(found.propensity(place))
    for item in new.tolist():
        (chance,) = said[item]
        assert there[item] / 400 == (1.0 if chance == 1.0 else pytest.approx(chance, abs=0.1))
    certain = set(new[:3].tolist()) if popular == "first" else set[int]()
    assert {item for item in new.tolist() if said[item] == {1.0}} == certain
    assert all(said[item] == {1.0} for item in old.tolist() if item in said)


def test_the_same_seed_tries_the_same_for_everybody_and_another_another() -> None:
    shelf = living()

    def tried(seed: int, profile: Profile | None) -> list[str]:
        found = find_candidates(shelf, profile, [], Wish(seed=seed), T0, 20)
        return [IDS[n] for n, s in zip(found.items, found.source, strict=True) if s == NEW]

    assert all(tried(seed, None) == tried(seed, folded(event("view", "p0"))) for seed in range(1, 20))
    assert len({tuple(tried(seed, None)) for seed in range(1, 20)}) == 2
    assert tried(-3, None) == tried(-3, None)


def test_an_item_of_the_future_is_not_new_yet() -> None:
    """Replays of the past do not know it."""
    assert NEW not in find_candidates(living(), None, [], Wish(seed=1), T0 - NEW_MS - 1, 20).source


def test_a_new_item_has_to_be_in_the_categories_and_allowed() -> None:
    found = find_candidates(living(trending={}), None, [], Wish(seed=1, categories=("garden",)), T0, 20)
    assert found.tried == 1.0 and sources(found) == {"p8": NEW, "p2": POPULAR, "p5": POPULAR, "p11": POPULAR}
    assert "p8" not in sources(find_candidates(living(), None, [], Wish(seed=1, exclude=("p8", "p9")), T0, 20))


def test_the_shares_of_trends_and_new_items_are_kept_free_however_much_a_person_did() -> None:
    listed = [(item, 1.0) for item in IDS]
    shelf = living(trending={"": np.array([11], dtype=np.int32)})
    found = find_candidates(shelf, None, listed[:6] * 4, Wish(seed=1), T0, 20)
    assert found.source.tolist().count(NEW) == 1 and found.source.tolist().count(TRENDING) == 1
    crowded = find_candidates(shelf, None, listed[:10], Wish(seed=1, session_items=("p0", "p3", "p6")), T0, 20)
    assert len(crowded.items) <= 20


wishes = st.builds(
    Wish,
    limit=st.integers(1, 20),
    exclude=st.lists(st.sampled_from(IDS), max_size=4).map(tuple),
    categories=st.lists(st.sampled_from(["bakery", "dairy", "hats"]), max_size=2).map(tuple),
    candidates=st.lists(st.sampled_from([*IDS, "x"]), max_size=6).map(tuple),
    session_items=st.lists(st.sampled_from([*IDS, "x"]), max_size=4).map(tuple),
)
listings = st.lists(st.tuples(st.sampled_from([*IDS, "x"]), st.floats(-5, 5)), max_size=8)


LIVING = living()


@given(histories(people=1, most=20), wishes, listings, st.integers(1, 9), st.integers(1, 60))
def test_with_every_source_there_is_nothing_forbidden_is_found_and_shares_are_bounded(
    history: list[Event], wish: Wish, listed: list[tuple[str, float]], seed: int, limit: int
) -> None:
    profile = folded(*history)
    rich = structs.replace(wish, seed=seed, country="DE", segments=("regular",))
    found = find_candidates(LIVING, profile, listed, rich, T0, limit)
    ids = names(found)
    assert len(ids) <= limit and len(ids) == len(set(ids))
    assert not set(ids) & forbidden(profile, rich, T0)
    assert found.source.tolist().count(NEW) <= limit // NEW_SHARE
    assert found.source.tolist().count(TRENDING) <= limit // TRENDING_SHARE
    again = find_candidates(LIVING, profile, listed, rich, T0, limit)
    assert all(np.array_equal(one, two) for one, two in zip(found, again, strict=True))


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
    assert all(len(column) == len(ids) for column in found[:6])
    assert np.isfinite(found.session_score).all()


@given(histories(people=1, most=20), wishes, listings, st.integers(0, 3 * DAY_MS), st.integers(1, 60))
def test_arrays_find_what_loops_found_to_the_bit(
    history: list[Event], wish: Wish, listed: list[tuple[str, float]], later: int, limit: int
) -> None:
    found = find_candidates(SHELF, folded(*history), listed, wish, T0 + later, limit)
    expected = one_by_one(SHELF, folded(*history), listed, wish, T0 + later, limit)
    for name in Candidates._fields[:6]:
        ours, theirs = getattr(found, name), getattr(expected, name)
        assert ours.dtype == theirs.dtype and ours.tolist() == theirs.tolist(), name
