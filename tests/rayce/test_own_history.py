"""The columns of a person's own history are those of the formulae, to the bit, whatever the history."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.candidates import Wish, find_candidates
from rayce.decay import DAY_MS
from rayce.event import Event
from rayce.features import NEVER_DAYS
from rayce.features.purchases import BOUGHT_HALF_LIFE_MS
from rayce.features.session import TOUCHED_HALF_LIFE_MS
from rayce.item import Item
from rayce.own_history import OwnHistory
from rayce.profile import MAX_BOUGHT, MAX_TOUCHED, Bought, Profile
from rayce.shelf import Ints, Shelf
from tests.samples import T0, folded, histories
from tests.shops import ITEMS, make_shelf

SHELF = make_shelf([*ITEMS, Item("priceless"), Item("wide", "Wide", ("garden",), "brand1", 3.3)])
COLUMNS = (
    "group_taste",
    "group_session",
    "brand_taste",
    "count",
    "weight",
    "days_since",
    "interval_days",
    "touched",
    "mean_price",
    "baskets",
    "days_since_purchase",
)


class ByTheFormulae:
    """One product and one number at a time, as the definitions read."""

    def __init__(self, shelf: Shelf, profile: Profile, items: Ints, now_ms: int) -> None:
        bought = [(shelf.number[i], b) for i, b in profile.bought.items() if i in shelf.number]
        touched = [(shelf.number[i], at, w) for i, (at, w) in profile.touched.items() if i in shelf.number]
        position = {int(n): i for i, n in enumerate(items.tolist())}
        size = len(items)
        self.count, self.weight, self.touched = np.zeros(size), np.zeros(size), np.zeros(size)
        self.days_since, self.interval_days = np.full(size, NEVER_DAYS), np.full(size, NEVER_DAYS)
        group_weight, brand_weight = np.zeros(len(shelf.groups)), np.zeros(len(shelf.brands))
        price_sum = price_count = 0.0
        for n, had in bought:
            weight = had.weight * 2.0 ** (min(0, had.last_ms - now_ms) / BOUGHT_HALF_LIFE_MS)
            group_weight[shelf.group[n]] += weight
            brand_weight[shelf.brand[n]] += weight
            if shelf.price[n] == shelf.price[n]:
                price_sum, price_count = price_sum + float(shelf.price[n]), price_count + 1
            at = position.get(n)
            if at is not None:
                self.count[at], self.weight[at] = had.count, weight
                self.days_since[at] = max(0.0, (now_ms - had.last_ms) / DAY_MS)
                if had.count > 1:
                    self.interval_days[at] = (had.last_ms - had.first_ms) / DAY_MS / (had.count - 1)
        group_now = np.zeros(len(shelf.groups))
        for n, at_ms, strength in touched:
            weight = strength * 2.0 ** (min(0, at_ms - now_ms) / TOUCHED_HALF_LIFE_MS)
            group_now[shelf.group[n]] += weight
            if n in position:
                self.touched[position[n]] = weight
        self.group_taste = _share(group_weight)[shelf.group[items]]
        self.brand_taste = _share(brand_weight)[shelf.brand[items]]
        self.group_session = _share(group_now)[shelf.group[items]]
        self.mean_price = price_sum / price_count if price_count else 0.0
        self.baskets = float(profile.baskets)
        last = profile.last_purchase_ms
        self.days_since_purchase = max(0.0, (now_ms - last) / DAY_MS) if last else NEVER_DAYS


def _share(weights: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    total = float(weights.sum())
    return weights / total if total else weights


def assert_equal(shelf: Shelf, profile: Profile, items: Ints, now_ms: int) -> None:
    found, expected = OwnHistory(shelf, profile, items, now_ms), ByTheFormulae(shelf, profile, items, now_ms)
    for name in COLUMNS:
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name


@given(histories(people=1, most=30), st.integers(0, 40 * DAY_MS), st.permutations(range(len(SHELF.ids))))
def test_the_columns_are_those_of_the_formulae(history: list[Event], later_ms: int, order: list[int]) -> None:
    assert_equal(SHELF, folded(*history), np.array(order[: len(order) // 2], dtype=np.int32), T0 + later_ms)


def somebody(seed: int, shelf: Shelf) -> Profile:
    """With as much history as a profile keeps, and some of it not on the shelf any more."""
    chance = np.random.default_rng(seed)
    ids = [*shelf.ids, *(f"gone{n}" for n in range(20))]
    chosen = [ids[n] for n in chance.choice(len(ids), MAX_BOUGHT, replace=False).tolist()]
    bought = {
        item_id: Bought(
            int(chance.integers(1, 9)),
            T0 - int(chance.integers(200 * DAY_MS, 400 * DAY_MS)),
            T0 - int(chance.integers(-3 * DAY_MS, 200 * DAY_MS)),
            float(chance.gamma(2.0)),
        )
        for item_id in chosen
    }
    touched = {
        ids[n]: (T0 - int(chance.integers(-DAY_MS, 9 * DAY_MS)), float(chance.gamma(1.0)))
        for n in chance.choice(len(ids), MAX_TOUCHED, replace=False).tolist()
    }
    return Profile(bought=bought, touched=touched, baskets=77, last_purchase_ms=T0 - DAY_MS)


@pytest.mark.parametrize("seed", range(10))
def test_they_are_so_for_somebody_with_a_long_history_on_a_large_shelf(seed: int) -> None:
    chance = np.random.default_rng(seed)
    items = [
        Item(
            f"i{n}",
            "",
            (f"d{n % 9}", f"d{n % 9}-{n % 97}"),
            f"b{n % 211}",
            None if n % 50 == 0 else chance.gamma(2.0, 9),
        )
        for n in range(1_000)
    ]
    shelf = make_shelf(items)
    profile = somebody(seed, shelf)
    found = find_candidates(shelf, profile, [], Wish(suppress_s=0), T0, 200).items
    assert len(found) == 200 and OwnHistory(shelf, profile, found, T0).count.any()
    assert_equal(shelf, profile, found, T0)


def test_a_stranger_has_no_history() -> None:
    found = OwnHistory(SHELF, Profile(), np.arange(5, dtype=np.int32), T0)
    assert not any(
        getattr(found, name).any() for name in ("group_taste", "brand_taste", "group_session", "count", "touched")
    )
    assert found.mean_price == 0.0 and found.days_since_purchase == NEVER_DAYS
    assert_equal(SHELF, Profile(), np.arange(5, dtype=np.int32), T0)


def test_where_there_is_nothing_to_rank_there_are_no_columns() -> None:
    assert_equal(SHELF, somebody(1, make_shelf([Item(f"i{n}") for n in range(200)])), np.array([], dtype=np.int32), T0)
