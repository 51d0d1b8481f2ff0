import numpy as np
import pytest

from rayce.affinities import (
    POPULARITY_HALF_LIFE_MS,
    build_popular,
    build_shelf,
    check_popular,
    check_shelf,
    first_seen,
    neighbours,
    popularity,
    with_living,
)
from rayce.errors import InvalidArtifact
from rayce.history import replay
from rayce.interactions import Interactions, gather
from rayce.item import Item
from rayce.shelf import NOTHING, Floats, Ints, Popular
from tests.samples import T0, event


def of_baskets(*baskets: list[int]) -> tuple[Ints, Ints]:
    sessions = np.repeat(np.arange(len(baskets), dtype=np.int32), [len(basket) for basket in baskets])
    return sessions, np.array([item for basket in baskets for item in basket], dtype=np.int32)


def found(*baskets: list[int], n_items: int = 6, count: int = 3, block: int = 4) -> tuple[Ints, Floats]:
    return neighbours(*of_baskets(*baskets), n_items, count, block)


def test_what_meets_often_comes_first_and_what_met_once_not_at_all() -> None:
    near, scores = found([0, 1], [0, 1], [0, 1, 2], [0, 2, 3], [4])
    assert near[0].tolist() == [1, 2, NOTHING]
    assert near[3].tolist() == [NOTHING] * 3
    assert near[4].tolist() == [NOTHING] * 3
    assert scores[0, 0] > scores[0, 1] > scores[0, 2] == 0


def test_a_pair_of_the_rare_is_nearer_than_a_rare_one_and_what_everybody_buys() -> None:
    near, _scores = found(*[[0, 1, 5]] * 4, *[[5]] * 50)
    assert near[0].tolist() == [1, 5, NOTHING]


def test_scores_are_the_same_in_blocks_of_any_size_and_agree_with_the_formula() -> None:
    rng = np.random.default_rng(4)
    baskets = [sorted(set(rng.integers(0, 30, 6).tolist())) for _ in range(400)]
    whole = found(*baskets, n_items=30, count=8, block=1_000)
    blocks = found(*baskets, n_items=30, count=8, block=7)
    assert np.array_equal(whole[0], blocks[0])
    assert np.array_equal(whole[1], blocks[1])
    item, other = 3, int(whole[0][3, 0])
    together = sum(item in basket and other in basket for basket in baskets)
    alone = [sum(each in basket for basket in baskets) for each in (item, other)]
    expected = together / np.sqrt(alone[0] * alone[1]) * together / (together + 30)
    assert whole[1][3, 0] == pytest.approx(expected, rel=1e-5)


def test_a_product_repeated_in_a_session_meets_its_company_once() -> None:
    once, repeated = found([0, 1], [0, 1]), found([0, 0, 1], [0, 1, 1])
    assert np.array_equal(once[1], repeated[1])


def test_without_any_session_there_are_no_neighbours() -> None:
    near, scores = found()
    assert (near == NOTHING).all()
    assert not scores.any()


def bought(*rows: tuple[int, int]) -> Interactions:
    log = [event("purchase", f"p{item}", who=who, at=at_ms) for who, (item, at_ms) in enumerate(rows, 1)]
    return gather(replay(log, {}), {f"p{n}": n for n in range(6)})


def test_a_purchase_counts_half_after_a_half_life() -> None:
    counts = popularity(bought((0, T0), (1, T0 - POPULARITY_HALF_LIFE_MS), (1, T0)), 3, T0)
    assert counts.tolist() == [1.0, 1.5, 0.0]


def test_a_purchase_dated_after_the_end_counts_once() -> None:
    assert popularity(bought((0, T0 + POPULARITY_HALF_LIFE_MS)), 1, T0).tolist() == [1.0]


def test_what_is_not_available_is_in_no_top_list() -> None:
    items = [Item(f"p{n}", available=n != 2) for n in range(6)]
    rows = bought(*((2, T0 + who) for who in range(30)), (1, T0))
    popular = build_popular(build_shelf(items, rows, T0), rows, {}, T0)
    assert [item for item, _score in popular.everybody] == ["p1"]


def test_a_generation_that_holds_nothing_usable_is_refused() -> None:
    with pytest.raises(InvalidArtifact):
        check_shelf({})
    with pytest.raises(InvalidArtifact, match="not in order"):
        check_popular(Popular([("a", 1.0), ("b", 2.0)]).to_files())
    check_popular(Popular([("a", 2.0), ("b", 1.0)]).to_files())
    check_shelf(build_shelf([Item("p0"), Item("p1")], bought((0, T0)), T0).to_files())


def test_an_item_is_as_old_as_its_first_event_or_as_the_former_shelf_or_as_it_says_itself() -> None:
    items = [Item(f"p{n}") for n in range(5)]
    items.append(Item("p5", attributes={"added_ms": 77}))
    rows = bought((0, T0 + 5), (0, T0), (1, T0), (2, T0), (5, T0))
    known_since = {"p1": T0 - 100, "p2": 0, "p3": 0}
    assert first_seen(items, rows, T0 + 9, known_since).tolist() == [T0, T0 - 100, 0, 0, T0 + 9, 77]
    assert first_seen(items, rows, T0 + 9, {}).tolist() == [T0, T0, T0, 0, 0, 77], "the first shelf knows no better"


@pytest.mark.parametrize("odd", [True, -1, 10**30, "yesterday", 1.5])
def test_an_odd_age_of_an_item_is_passed_over(odd: bool | int | str | float) -> None:
    items = [Item("p0", attributes={"added_ms": odd})]
    assert first_seen(items, bought((0, T0)), T0, {}).tolist() == [T0]


def test_what_serving_adds_is_in_the_generation_and_it_is_checked() -> None:
    rows = bought((0, T0))
    shelf = with_living(build_shelf([Item("p0"), Item("p1")], rows, T0), rows, {"": [(0, 1.0)]})
    files = shelf.to_files()
    check_shelf(files)
    with pytest.raises(InvalidArtifact):
        check_shelf(files | {"sessions.npz": b"no"})
    with pytest.raises(InvalidArtifact, match="not in order"):
        check_popular(Popular([], {}, {"": [("a", 1.0), ("b", 2.0)]}).to_files())
