from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayce.decay import DAY_MS
from rayce.item import Item
from rayce.lists.blend import Blend
from rayce.lists.histories import Histories, histories_of
from rayce.lists.maker import Block, ListMaker
from rayce.lists.parts import FIXED, PARTS
from rayce.lists.tables import Tables, make_tables
from rayce.shelf import NOTHING, Shelf
from tests.rayce.lists.by_hand import parts_of
from tests.rayce.lists.shops import PEOPLE, happened, rows, shop, tables
from tests.samples import T0

COUNT = 40
seeds = st.integers(0, 10_000)


def everybody(seed: int) -> Histories:
    return histories_of(happened(seed), PEOPLE)


def bytes_of(block: Block) -> bytes:
    return block.items.tobytes() + block.scores.tobytes()


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_the_parts_are_those_made_by_hand(seed: int) -> None:
    made, histories = tables(seed), everybody(seed)
    maker = ListMaker(made, Blend())
    for person in range(PEOPLE):
        items, parts = maker.candidates(histories, person, T0)
        wanted = parts_of(histories.people(person, person + 1), made, T0)
        assert tuple(wanted) == PARTS
        for column, name in enumerate(PARTS):
            assert parts[:, column] == pytest.approx(wanted[name][items], rel=1e-5, abs=1e-6), name


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_candidates_are_available_and_each_is_there_once(seed: int) -> None:
    made, histories = tables(seed), everybody(seed)
    maker = ListMaker(made, Blend())
    for person in range(PEOPLE):
        items = maker.candidates(histories, person, T0).items
        assert len(set(items.tolist())) == len(items)
        assert set(items.tolist()) == set(np.flatnonzero(made.available).tolist())


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_a_list_is_the_best_by_the_fixed_weights(seed: int) -> None:
    made, histories = tables(seed), everybody(seed)
    block = ListMaker(made, Blend()).block(histories, T0, 10)
    for person in range(PEOPLE):
        wanted = parts_of(histories.people(person, person + 1), made, T0)
        scores = sum(weight * wanted[name] for name, weight in FIXED.items())
        best = np.sort(np.where(made.available, scores, 0.0))[::-1][:10]
        assert block.scores[person] == pytest.approx(best, rel=1e-5)


@given(seeds, st.integers(1, PEOPLE), st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_block_is_what_each_of_its_people_gets_alone(seed: int, size: int, new: bool) -> None:
    made, histories = tables(seed), everybody(seed)
    whole = ListMaker(made, Blend()).block(histories, T0, new=new)
    maker = ListMaker(made, Blend())
    for first in range(0, PEOPLE, size):
        part = maker.block(histories.people(first, min(first + size, PEOPLE)), T0, new=new)
        assert np.array_equal(part.items, whole.items[first : first + size])
        assert part.scores.tobytes() == whole.scores[first : first + size].tobytes()


def test_a_longer_history_than_counts_offers_nothing_bought_as_new() -> None:
    n_items, most = 700, 400
    bought = list(range(most)) + [0] * 5
    log = rows([0] * len(bought), bought, [T0 - (len(bought) - n) * DAY_MS // 8 for n in range(len(bought))])
    made = make_tables(shop(1, n_items), log, T0)
    found = ListMaker(made, Blend()).candidates(histories_of(log), 0, T0)
    own = found.parts[:, PARTS.index("count")] > 0
    assert own.sum() > 100
    assert (found.items[~own] >= most).all()
    assert (found.items[own] < most).all()


def test_what_comes_later_does_not_count() -> None:
    log = rows([0, 0], [3, 4], [T0 - DAY_MS, T0 + 1])
    histories = histories_of(log)
    maker = ListMaker(tables(), Blend())
    only_before = maker.block(histories.until(T0), T0)
    assert bytes_of(maker.block(histories, T0)) == bytes_of(only_before)
    assert bytes_of(maker.block(histories, T0 + 2)) != bytes_of(only_before)


@pytest.fixture
def made() -> tuple[Shelf, Tables]:
    """p0 … p39, most popular first, in eight groups; p39 goes with p20; p38 is not available."""
    items = [Item(f"p{n}", categories=("all", f"group {n % 8}"), available=n != 38) for n in range(COUNT)]
    near = np.full((COUNT, 2), NOTHING, dtype=np.int32)
    scores = np.zeros((COUNT, 2), dtype=np.float32)
    near[20, 0], scores[20, 0] = 39, 0.9
    popularity = np.linspace(1_000, 900, COUNT, dtype=np.float32)
    popularity[39] = 0
    shelf = Shelf.from_items(items, popularity, near, scores)
    return shelf, make_tables(shelf, rows([], [], []), T0)


def listed(
    made: tuple[Shelf, Tables], item: Sequence[int], days: Sequence[float], bought: bool = True, **more: int
) -> list[str]:
    shelf, tables = made
    at_ms = [T0 - int(day * DAY_MS) for day in days]
    log = rows([0] * len(item), list(item), at_ms, [bought] * len(item))
    again = np.full(COUNT, more.pop("again_days", 0), dtype=np.float64)
    block = ListMaker(tables, Blend(), again).block(histories_of(log, 1), T0, **more)
    return [name for name, _score in block.lists(shelf.ids)[0]]


def weekly(weeks: int) -> list[float]:
    return [7.0 * (weeks - n) for n in range(weeks)]


def test_a_stranger_gets_what_is_popular(made: tuple[Shelf, Tables]) -> None:
    assert listed(made, [], [], length=3) == ["p0", "p1", "p2"]


def test_a_habit_comes_first_then_its_group_and_what_goes_with_it(made: tuple[Shelf, Tables]) -> None:
    found = listed(made, [20] * 10, weekly(10))
    assert found[:2] == ["p20", "p4"]
    assert "p39" in found


def test_the_more_regular_habit_comes_first(made: tuple[Shelf, Tables]) -> None:
    item, days = [30] * 10 + [31] * 5, weekly(10) + weekly(10)[::2]
    assert listed(made, item, days, length=2) == ["p30", "p31"]


def test_a_habit_given_up_falls_behind_one_that_is_kept(made: tuple[Shelf, Tables]) -> None:
    given_up = [day + 18 * 7 for day in weekly(12)]
    assert listed(made, [30] * 12 + [31] * 12, given_up + weekly(12), length=2) == ["p31", "p30"]


def test_what_was_only_looked_at_brings_what_goes_with_it(made: tuple[Shelf, Tables]) -> None:
    assert "p39" in listed(made, [20], [1], bought=False)
    assert "p39" not in listed(made, [], [])


def test_what_is_not_available_is_not_listed(made: tuple[Shelf, Tables]) -> None:
    assert "p38" not in listed(made, [38], [1])


def test_what_was_bought_stays_away_as_long_as_it_has_to(made: tuple[Shelf, Tables]) -> None:
    assert "p20" not in listed(made, [20], [6], again_days=7)
    assert "p20" in listed(made, [20], [8], again_days=7)
    assert "p20" not in listed(made, [20], [8], new=True)
    assert "p20" in listed(made, [20], [1], bought=False, again_days=7)


def test_scores_descend_and_the_length_is_kept(made: tuple[Shelf, Tables]) -> None:
    shelf, tables = made
    maker, own = ListMaker(tables, Blend()), histories_of(rows([0], [7], [T0 - DAY_MS]))
    [found] = maker.block(own, T0, 11).lists(shelf.ids)
    assert len(found) == 11
    assert [score for _item, score in found] == sorted((score for _item, score in found), reverse=True)
    assert len(maker.block(own, T0).lists(shelf.ids)[0]) == COUNT - 2
