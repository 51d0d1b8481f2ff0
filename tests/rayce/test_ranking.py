"""Ranking: the matrix knows only what was known then; the reply is ordered, bounded and has its reasons."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.candidates import Candidates, Wish, find_candidates
from rayce.decay import DAY_MS
from rayce.event import Event
from rayce.features import NEVER_DAYS
from rayce.features.purchases import BOUGHT_HALF_LIFE_MS
from rayce.item import Item
from rayce.profile import Profile
from rayce.ranking import RANKING_FEATURES, as_ranked, rank, ranking_matrix, scored, slate
from rayce.shelf import Shelf
from tests.rayce.test_own_history import ByTheFormulae, somebody
from tests.samples import T0, event, folded, histories
from tests.shops import ITEMS, ByPopularity, make_shelf

SHELF = make_shelf()


def row_of(item_id: str, profile: Profile | None, now_ms: int = T0) -> dict[str, float]:
    found = find_candidates(SHELF, profile, [], Wish(candidates=(item_id,), suppress_s=1), now_ms, 10)
    (row,) = ranking_matrix(SHELF, profile, found, now_ms)
    return dict(zip(RANKING_FEATURES, row.tolist(), strict=True))


def test_of_a_stranger_the_matrix_says_what_the_product_says() -> None:
    row = row_of("p3", None)
    assert row["price"] == 4.0 and row["price_ratio"] == 1.0
    assert row["log_popularity"] == pytest.approx(np.log1p(9.0))
    assert row["own_count"] == row["baskets"] == row["group_taste"] == 0
    assert row["own_days_since"] == row["days_since_purchase"] == NEVER_DAYS


def test_a_habit_is_seen_in_its_row() -> None:
    profile = folded(*(event("purchase", "p3", at=T0 + n * 7 * DAY_MS) for n in range(3)))
    row = row_of("p3", profile, T0 + 28 * DAY_MS)
    assert (row["own_count"], row["own_interval_days"], row["own_days_since"]) == (3, 7, 14)
    assert (row["own_overdue"], row["own_share_of_baskets"], row["baskets"]) == (2, 1, 3)
    assert row["brand_taste"] == row["group_taste"] == 1.0
    assert row_of("p4", profile, T0 + 28 * DAY_MS)["own_count"] == 0


def test_weights_decay_from_the_moment_asked_for() -> None:
    profile = folded(event("purchase", "p3"), event("view", "p4"))
    now = row_of("p3", profile, T0 + BOUGHT_HALF_LIFE_MS)
    assert now["own_weight"] == pytest.approx(0.5)
    assert row_of("p4", profile, T0)["touched_weight"] == 1.0
    assert row_of("p4", profile, T0 + 3 * DAY_MS)["touched_weight"] == pytest.approx(0.5)


def test_the_reply_is_ordered_by_score_and_as_long_as_wished() -> None:
    reply = rank(SHELF, ByPopularity(), None, [], Wish(limit=3), T0, 200)
    assert [item.item_id for item in reply] == ["p0", "p1", "p2"]
    assert [item.score for item in reply] == sorted((item.score for item in reply), reverse=True)


def test_reasons_name_the_session_the_habit_or_the_source() -> None:
    profile = folded(event("purchase", "p7", at=T0 - 3 * DAY_MS))
    reply = {
        i.item_id: i for i in rank(SHELF, ByPopularity(), profile, [("p9", 1.0)], Wish(session_items=("p0",)), T0, 200)
    }
    assert (reply["p1"].source, reply["p1"].because) == ("session", "p0")
    assert (reply["p7"].source, reply["p7"].because) == ("bought_before", None)
    assert reply["p9"].source == "precomputed"
    assert reply["p0"].source == "popular"


def test_where_nothing_may_be_shown_the_reply_is_empty() -> None:
    assert rank(SHELF, ByPopularity(), None, [], Wish(categories=("hats",)), T0, 200) == []


class Flat(ByPopularity):
    def score_many(self, rows: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return np.zeros(len(rows))


def test_equal_scores_keep_the_candidates_order() -> None:
    reply = rank(SHELF, Flat(), None, [], Wish(limit=12), T0, 200)
    assert [item.item_id for item in reply] == [item.item_id for item in ITEMS]


def by_the_formulae(shelf: Shelf, profile: Profile | None, found: Candidates, now_ms: int) -> np.ndarray:  # type: ignore[type-arg]
    """The matrix as it is defined, a column each."""
    items = found.items
    own = ByTheFormulae(shelf, profile or Profile(), items, now_ms)
    price = shelf.price[items]
    columns = (
        np.log1p(shelf.popularity[items]),
        found.list_score,
        found.list_rank,
        found.session_score,
        own.group_taste,
        own.group_session,
        own.brand_taste,
        own.count,
        own.weight,
        own.days_since,
        own.interval_days,
        own.days_since / np.maximum(own.interval_days, 0.5),
        own.count / max(own.baskets, 1),
        own.touched,
        price,
        price / own.mean_price if own.mean_price else np.ones(len(items)),
        np.full(len(items), own.baskets),
        np.full(len(items), own.days_since_purchase),
    )
    return np.column_stack(columns).astype(np.float64)


@given(histories(people=1, most=30), st.integers(0, 40 * DAY_MS), st.booleans())
def test_the_matrix_is_that_of_the_formulae_to_the_bit(history: list[Event], later_ms: int, known: bool) -> None:
    shelf = make_shelf([*ITEMS, Item("priceless")])
    profile, now_ms = folded(*history) if known else None, T0 + later_ms
    found = find_candidates(shelf, profile, [("p9", 3.5), ("p2", 0.1)], Wish(suppress_s=1), now_ms, 50)
    matrix = ranking_matrix(shelf, profile, found, now_ms)
    assert np.array_equal(matrix, by_the_formulae(shelf, profile, found, now_ms), equal_nan=True)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_so_for_a_long_history_on_a_large_shelf(seed: int) -> None:
    shelf = make_shelf([Item(f"i{n}", "", ("d", f"d{n % 97}"), f"b{n % 211}", 1.0 + n / 7) for n in range(1_000)])
    profile = somebody(seed, shelf)
    found = find_candidates(shelf, profile, [("i9", 3.5)], Wish(session_items=("i3",)), T0, 200)
    matrix = ranking_matrix(shelf, profile, found, T0)
    assert len(matrix) == 200 and matrix.any(axis=0).all(), "every column says something"
    assert np.array_equal(matrix, by_the_formulae(shelf, profile, found, T0))


def test_a_slate_holds_all_candidates_with_their_scores_and_what_the_model_was_told() -> None:
    profile = folded(event("purchase", "p7", at=T0 - 3 * DAY_MS), event("view", "p0"))
    found = slate(SHELF, ByPopularity(), profile, [("p9", 1.0)], Wish(limit=2), T0, 200)
    assert len(found.found.items) == len(found.scores) == len(found.order) == len(ITEMS)
    assert found.scores.tolist() == ByPopularity().score_many(found.features).tolist()
    assert np.array_equal(found.features, ranking_matrix(SHELF, profile, found.found, T0))
    assert sorted(found.order.tolist()) == list(range(len(ITEMS)))
    assert np.all(np.diff(found.scores[found.order]) <= 0)


def test_any_places_of_a_slate_can_be_told_in_any_order() -> None:
    profile = folded(event("view", "p0"))
    found = slate(SHELF, ByPopularity(), profile, [], Wish(), T0, 200)
    whole = rank(SHELF, ByPopularity(), profile, [], Wish(limit=200), T0, 200)
    places = found.order.tolist()
    assert as_ranked(SHELF, found, places, profile) == whole
    assert as_ranked(SHELF, found, places[::-2], profile) == whole[::-2]
    assert as_ranked(SHELF, found, [], profile) == []


def test_candidates_that_were_found_already_are_scored_alike() -> None:
    found = slate(SHELF, ByPopularity(), None, [], Wish(), T0, 200)
    again = scored(SHELF, ByPopularity(), None, found.found, T0)
    assert again.scores.tolist() == found.scores.tolist()


def test_without_candidates_a_model_is_not_asked() -> None:
    class Never(ByPopularity):
        def score_many(self, rows: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
            raise AssertionError

    assert slate(SHELF, Never(), None, [], Wish(categories=("hats",)), T0, 200).order.tolist() == []


@given(histories(people=1, most=20), st.integers(0, 40 * DAY_MS))
def test_every_number_is_finite_but_the_price_of_what_has_none(history: list[Event], later: int) -> None:
    shelf = make_shelf([*ITEMS, Item("priceless")])
    profile, now_ms = folded(*history), T0 + later
    found = find_candidates(shelf, profile, [], Wish(suppress_s=1), now_ms, 50)
    matrix = ranking_matrix(shelf, profile, found, now_ms)
    assert matrix.shape == (len(found.items), len(RANKING_FEATURES))
    priced = [n for n, item in enumerate(found.items) if shelf.ids[item] != "priceless"]
    assert np.isfinite(matrix[priced]).all()


@given(histories(people=1, most=20), st.integers(1, 20))
def test_asking_twice_gives_the_same_and_leaves_all_as_it_was(history: list[Event], limit: int) -> None:
    profile = folded(*history)
    before = [array.copy() for array in SHELF if isinstance(array, np.ndarray)]
    one, two = (rank(SHELF, ByPopularity(), profile, [], Wish(limit=limit), T0, 200) for _ in range(2))
    assert one == two and len(one) <= limit
    after = [array for array in SHELF if isinstance(array, np.ndarray)]
    assert all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(before, after, strict=True))
