"""A shelf with changes laid over it: as one made of the changed items, whatever the order and number of steps."""

import random
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.catalogue_overlay import MAX_NEW, differs, edition_of, overlaid, takes_away
from rayce.content_index import ContentIndex
from rayce.item import Item
from rayce.item_words import item_words
from rayce.shelf import NOTHING, Shelf
from tests.shops import ITEMS, make_shelf

NOW = 1_000_000
BASE = make_shelf()
INDEX = ContentIndex.of(ITEMS)
IDS = [*(item.item_id for item in ITEMS[:5]), "new1", "new2", "new3"]

CHANGED = st.dictionaries(
    st.sampled_from(IDS),
    st.one_of(
        st.none(),
        st.builds(
            lambda categories, brand, price, available: Item("", "Product", categories, brand, price, available),
            st.sampled_from([(), ("dairy",), ("dairy", "dairy-0"), ("dairy-0", "dairy"), ("hats", "berets")]),
            st.sampled_from(["", "brand1", "another"]),
            st.one_of(st.none(), st.floats(0, 50)),
            st.booleans(),
        ),
    ),
).map(
    lambda found: {
        item_id: None
        if item is None
        else Item(item_id, item.title, item.categories, item.brand, item.price, item.available)
        for item_id, item in found.items()
    }
)


def laid(shelf: Shelf, changes: Mapping[str, Item | None]) -> Shelf:
    return overlaid(shelf, changes, lambda: INDEX, lambda item_id: NOW)


def visible(shelf: Shelf) -> dict[str, tuple[object, ...]]:
    """By id what a reply can tell of an item that is to be had."""
    return {
        item_id: (
            str(shelf.price[n]),
            shelf.category_sets[n],
            shelf.groups[shelf.group[n]],
            shelf.brands[shelf.brand[n]],
            shelf.popularity[n],
            [shelf.ids[m] for m in shelf.neighbours[n].tolist() if m != NOTHING],
        )
        for item_id, n in shelf.number.items()
        if shelf.available[n]
    }


@given(CHANGED)
def test_it_is_the_shelf_that_the_changed_items_would_have_made(changes: dict[str, Item | None]) -> None:
    found = laid(BASE, changes)
    items = [
        now if (now := changes.get(item.item_id, item)) is not None else Item(item.item_id, available=False)
        for item in ITEMS
    ]
    made = make_shelf(items)
    told = visible(found)
    assert {i: told[i] for i in visible(made)} == visible(made)
    assert told.keys() - visible(made).keys() == {
        i for i, item in changes.items() if i not in BASE.number and item and item.available
    }
    old = [n for n in found.popular.tolist() if n < BASE.settled]
    assert [found.ids[n] for n in old] == [made.ids[n] for n in made.popular]
    assert len(found.popular) == len(told) and found.available[found.popular].all()
    assert {found.ids[n] for n in found.newest} == {i for i in told if i not in BASE.number}


@given(CHANGED, CHANGED, st.randoms(use_true_random=False))
def test_changes_step_by_step_and_repeated_are_as_all_at_once(
    earlier: dict[str, Item | None], later: dict[str, Item | None], chance: random.Random
) -> None:
    whole = laid(BASE, earlier | later)
    step = laid(BASE, earlier)
    order = list(later)
    chance.shuffle(order)
    for item_id in [*order, *order[:2]]:
        step = laid(step, {item_id: later[item_id]})
    assert visible(step) == visible(whole)


@given(CHANGED)
def test_what_makes_no_difference_is_known_not_to(changes: dict[str, Item | None]) -> None:
    """The negative control is the first line: a change that is said to make none must leave all as it was."""
    same = {item_id: item for item_id, item in changes.items() if not differs(BASE, item_id, item)}
    assert visible(laid(BASE, same)) == visible(BASE)
    for item_id in changes.keys() - same.keys():
        assert visible(laid(BASE, {item_id: changes[item_id]})) != visible(BASE)


def test_the_shelf_itself_stays_as_it_was() -> None:
    before = visible(BASE)
    laid(BASE, {"p0": None, "p1": Item("p1", "x", ("hats",), "y", 5.0), "new": Item("new", "Product", ("hats",))})
    assert visible(BASE) == before and len(BASE.ids) == 12


def test_an_item_that_came_has_neighbours_by_what_its_entry_says_and_can_be_found_as_new() -> None:
    found = laid(BASE, {"new": Item("new", "Product 4", ("dairy", "dairy-0"), "brand0", 5.0)})
    near = found.neighbours[found.number["new"]]
    assert found.ids[near[0]] == "p4" and found.added_ms[found.number["new"]] == NOW
    own = laid(BASE, {"new": Item("new", attributes={"added_ms": 77})})
    assert own.added_ms[own.number["new"]] == 77
    blind = overlaid(BASE, {"new": Item("new", "Product 4")}, lambda: None, lambda item_id: NOW)
    assert (blind.neighbours[-1] == NOTHING).all()


def test_words_for_events_follow() -> None:
    shelf = BASE._replace(words=item_words(BASE))
    found = laid(shelf, {"new": Item("new", "x", ("a", "b"), "c"), "p1": Item("p1", categories=("hats",))})
    assert (found.words["new"], found.words["p1"], found.words["p2"]) == (("b", "c"), ("hats", ""), shelf.words["p2"])


def test_only_what_is_shown_can_be_taken_away() -> None:
    gone = Item("p1", available=False)
    assert takes_away(BASE, {"p1": gone}) and takes_away(BASE, {"p1": None})
    assert not takes_away(laid(BASE, {"p1": gone}), {"p1": None})
    assert not takes_away(BASE, {"p1": Item("p1", price=3.0), "new": None, "other": Item("other")})


def test_an_edition_is_the_same_in_any_order_and_another_for_other_changes() -> None:
    one, two = {"a": None}, {"b": Item("b")}
    assert edition_of({}) == 0
    assert edition_of(one | two) == edition_of(two | one) == edition_of(one) ^ edition_of(two)
    assert len({edition_of(each) for each in ({}, one, two, {"b": Item("b", price=1.0)}, {"b": None})}) == 5


def test_more_new_items_than_there_is_room_for_wait_for_the_next_generation() -> None:
    many: dict[str, Item | None] = {f"n{n:05}": Item(f"n{n:05}") for n in range(MAX_NEW + 5)}
    found = overlaid(BASE, many, lambda: None, lambda item_id: NOW)
    assert len(found.ids) == 12 + MAX_NEW and "n00000" in found.number
    assert len(overlaid(found, {"zz": Item("zz")}, lambda: None, lambda item_id: NOW).ids) == 12 + MAX_NEW


@pytest.mark.parametrize("price", [None, 0.1, 9.99])
def test_a_price_is_compared_as_the_shelf_has_it(price: float | None) -> None:
    shelf = make_shelf([Item("p0", price=price)])
    assert not differs(shelf, "p0", Item("p0", price=price))
    assert np.isnan(shelf.price[0]) == (price is None)
