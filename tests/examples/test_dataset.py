"""The data set as a shop's year."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

import msgspec
import numpy as np
import pytest

from examples.demo import tables
from examples.demo.dataset import Dataset, load
from tests.examples.conftest import NOW_MS

WEEK_MS = 7 * 86_400_000


@pytest.fixture(scope="module")
def everything() -> Dataset:
    return load(now_ms=NOW_MS)


@pytest.fixture(scope="module")
def many() -> Dataset:
    return load(now_ms=NOW_MS, households=250)


def test_the_same_arguments_give_the_same_events(sample: Dataset) -> None:
    again = load(now_ms=NOW_MS, households=30, refusing=0.1)
    assert list(again.events(0, len(again))) == list(sample.events(0, len(sample)))
    assert (again.items, again.households) == (sample.items, sample.households)


def test_event_ids_are_unique_and_carry_their_time(many: Dataset) -> None:
    ids = set()
    for event in many.events(0, len(many)):
        number = UUID(event.event_id)
        assert number.version == 7
        assert number.int >> 80 == event.timestamp
        ids.add(event.event_id)
    assert len(ids) == len(many)


def test_the_year_is_moved_by_whole_weeks_and_ends_just_before_now(everything: Dataset) -> None:
    original = tables.times_ms(tables.read("transactions", ["transaction_timestamp"]), "transaction_timestamp")
    shift = int(everything.at_ms[-1]) - int(original.max())
    assert shift % WEEK_MS == 0
    assert 0 < NOW_MS - int(everything.at_ms[-1]) <= WEEK_MS
    assert datetime.fromtimestamp(everything.at_ms[-1] / 1000, UTC).strftime("%a") == "Mon"


def test_a_week_later_the_year_is_a_week_later_and_keeps_its_ids_otherwise(sample: Dataset) -> None:
    later = load(now_ms=NOW_MS + WEEK_MS, households=30, refusing=0.1)
    first, moved = sample.event(0), later.event(0)
    assert moved.timestamp - first.timestamp == WEEK_MS
    assert moved.event_id[-12:] == first.event_id[-12:]


def test_events_are_in_time_order_and_so_are_each_households(everything: Dataset) -> None:
    assert bool(np.all(np.diff(everything.at_ms) >= 0))
    of: defaultdict[str, list[int]] = defaultdict(list)
    for event in everything.events(0, 20_000):
        of[event.user_id].append(event.timestamp)
    assert all(a <= b for times in of.values() for a, b in pairwise(times))


def test_a_lane_holds_all_of_a_household_or_nothing(sample: Dataset) -> None:
    lanes: defaultdict[str, set[int]] = defaultdict(set)
    for entry in range(len(sample)):
        lanes[sample.household(entry).user_id].add(sample.lane(entry, 4))
    assert all(len(found) == 1 for found in lanes.values())
    assert len({lane for found in lanes.values() for lane in found}) == 4


def test_weeks_run_from_1_to_53_and_play_is_the_last_ones(everything: Dataset) -> None:
    assert (everything.week[0], everything.week[-1], everything.weeks) == (1, 53, 53)
    first = everything.first_live(4)
    assert (everything.week[first - 1], everything.week[first]) == (49, 50)
    assert everything.first_live(53) == 0


def test_every_line_is_a_purchase_that_a_shop_would_believe(everything: Dataset, many: Dataset) -> None:
    known = {item.item_id for item in many.items}
    kinds: Counter[str] = Counter()
    for event in many.events(0, len(many)):
        kinds[event.type] += 1
        assert bool(event.items) == (event.type == "purchase")
        for line in event.items:
            assert 1 <= line.quantity <= 200
            assert line.price >= 0
            assert line.item_id in known
    assert kinds["purchase"] == many.basket_count
    assert kinds["custom"] > 500
    assert everything.basket_count > 150_000


def test_fuel_is_one_piece_at_the_price_that_was_paid(everything: Dataset) -> None:
    fuel = {item.item_id for item in everything.items if "Gasoline" in item.title}
    lines = [line for event in everything.events(0, 5_000) for line in event.items if line.item_id in fuel]
    assert lines
    assert {line.quantity for line in lines} == {1}
    assert 5 < sorted(line.price for line in lines)[len(lines) // 2] < 60


def test_the_catalogue_holds_what_was_bought_often_enough(everything: Dataset) -> None:
    places = [place for entry in range(len(everything)) for place in everything.products(entry)]
    bought = np.bincount(places, minlength=len(everything.items))
    assert bought.min() >= 5
    assert all(item.title and item.categories for item in everything.items)


def test_products_are_the_places_of_the_events_items(sample: Dataset) -> None:
    for entry in range(200):
        ids = [sample.items[place].item_id for place in sample.products(entry)]
        assert ids == [line.item_id for line in sample.event(entry).items]


def test_occasions_tell_of_campaigns_and_coupons(sample: Dataset) -> None:
    names = {e.properties["name"] for e in sample.events(0, len(sample)) if e.type == "custom"}
    assert names <= {"campaign_received", "coupon_redeemed"}
    assert "campaign_received" in names


def test_a_few_households_give_no_consent(everything: Dataset) -> None:
    refusing = [h for h in everything.households if not h.consents]
    assert 0.01 < len(refusing) / len(everything.households) < 0.03


def test_events_encode_to_what_the_api_takes(sample: Dataset) -> None:
    basket = next(e for e in sample.events(0, len(sample)) if e.items)
    encoded = msgspec.json.decode(msgspec.json.encode(basket))
    assert set(encoded) == {"event_id", "type", "user_id", "session_id", "timestamp", "items"}
    assert set(encoded["items"][0]) == {"item_id", "quantity", "price"}
