"""How many at once: a standing queue lowers the limit, a burst does not, and it comes back."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.edge.capacity import ENOUGH, EPOCH_S, INTERVAL_S, PATIENCE, SLOW_LEAST, Capacity, Lane
from deployments.edge.priorities import INTERACTIVE

TARGET_S = 0.005


def make(least: int = 10, most: int = 1_000) -> Capacity:
    return Capacity(least, most, TARGET_S)


def interval(capacity: Capacity, lags_s: list[float], peak: int = 100, lanes: tuple[Lane, ...] = ()) -> int:
    for lag_s in lags_s:
        capacity.tick(lag_s)
    capacity.end_interval(peak, lanes)
    return capacity.limit


def replies(lane: Lane, *took_s: float) -> None:
    for each_s in took_s:
        lane.done(each_s)


def test_a_replica_begins_at_its_most() -> None:
    assert make(most=77).limit == 77


def test_a_loop_that_is_late_throughout_lowers_the_limit_below_what_was_in_flight() -> None:
    capacity = make()
    for _ in range(PATIENCE):
        limit = interval(capacity, [0.02, 0.01, 0.03], peak=100)
    assert limit == 75 and capacity.high


def test_a_burst_that_leaves_the_loop_late_for_a_part_of_each_interval_lowers_nothing() -> None:
    capacity = make()
    for _ in range(50):
        assert interval(capacity, [0.2, 0.001, 0.15]) == 1_000
    assert not capacity.high


def test_one_bad_interval_is_forgiven() -> None:
    capacity = make()
    for _ in range(20):
        assert interval(capacity, [0.05]) == 1_000
        assert interval(capacity, [0.0]) == 1_000


def test_the_limit_comes_back_where_it_is_used_up_and_there_is_no_queue() -> None:
    capacity = make()
    for _ in range(30):
        interval(capacity, [0.05])
    low = capacity.limit
    for _ in range(400):
        interval(capacity, [0.0], peak=capacity.limit)
    assert low == 10 and capacity.limit == 1_000


def test_a_limit_that_nobody_needs_is_not_raised() -> None:
    capacity = make()
    for _ in range(PATIENCE):
        interval(capacity, [0.05], peak=100)
    for _ in range(100):
        interval(capacity, [0.0], peak=5)
    assert capacity.limit == 75


def test_replies_that_all_got_slower_are_a_queue_too() -> None:
    assert slow(peak=100) == 75


def test_slow_replies_of_a_loop_in_time_cut_no_deeper_than_what_waits_for_something_broken() -> None:
    assert slow(peak=20) == SLOW_LEAST
    assert slow(peak=20, lag_s=0.03) == 15


def test_slow_replies_never_raise_a_limit_that_a_late_loop_has_cut() -> None:
    capacity, lane = make(), Lane(INTERACTIVE)
    replies(lane, *[0.002] * ENOUGH)
    for _ in range(PATIENCE):
        limit = interval(capacity, [0.05], peak=20, lanes=(lane,))
    for _ in range(10):
        replies(lane, *[0.030] * ENOUGH)
        assert interval(capacity, [0.0], peak=15, lanes=(lane,)) == limit == 15


def slow(peak: int, lag_s: float = 0.0) -> int:
    """The limit after replies that were all slower than the quickest before."""
    capacity, lane = make(), Lane(INTERACTIVE)
    replies(lane, *[0.002] * ENOUGH)
    interval(capacity, [0.0], lanes=(lane,))
    for _ in range(PATIENCE):
        replies(lane, *[0.030] * ENOUGH)
        limit = interval(capacity, [lag_s], peak=peak, lanes=(lane,))
    return limit


def test_replies_of_which_one_is_as_quick_as_ever_are_none() -> None:
    capacity, lane = make(), Lane(INTERACTIVE)
    for _ in range(10):
        replies(lane, 0.002, *[0.5] * 50)
        assert interval(capacity, [0.0], lanes=(lane,)) == 1_000


def test_a_few_slow_replies_say_nothing() -> None:
    capacity, lane = make(), Lane(INTERACTIVE)
    replies(lane, *[0.002] * ENOUGH)
    for _ in range(10):
        replies(lane, *[0.5] * (ENOUGH - 1))
        assert interval(capacity, [0.0], lanes=(lane,)) == 1_000


def test_a_lane_learns_that_replies_have_become_slower_for_good() -> None:
    capacity, lane = make(), Lane(INTERACTIVE)
    replies(lane, *[0.002] * ENOUGH)
    interval(capacity, [0.0], lanes=(lane,))
    bad = 0
    for _ in range(int(3 * EPOCH_S / INTERVAL_S)):
        replies(lane, *[0.030] * ENOUGH)
        interval(capacity, [0.0], peak=1, lanes=(lane,))
        bad += capacity.high
    assert bad and not capacity.high


@given(
    st.lists(st.tuples(st.lists(st.floats(0, 1), max_size=4), st.integers(0, 2_000)), max_size=60),
    st.integers(1, 100),
    st.integers(1, 2_000),
)
def test_the_limit_never_leaves_its_bounds(seen: list[tuple[list[float], int]], least: int, most: int) -> None:
    stay_within(make(least, most), seen, min(least, most), most)


def stay_within(capacity: Capacity, seen: list[tuple[list[float], int]], least: int, most: int) -> None:
    for lags_s, peak in seen:
        assert least <= interval(capacity, lags_s, peak) <= most


class Boundless(Capacity):
    """Knows no bounds."""

    def end_interval(self, peak: int, lanes: Iterable[Lane]) -> None:
        late = TARGET_S < self._lag_s < float("inf")
        super().end_interval(peak, lanes)
        self._limit = self._limit * 0.5 if late else self._limit * 1.1 + 1


@pytest.mark.parametrize("lag_s", [0.0, 0.5], ids=["up", "down"])
def test_control_a_limit_without_bounds_is_found(lag_s: float) -> None:
    with pytest.raises(AssertionError):
        stay_within(Boundless(10, 1_000, TARGET_S), [([lag_s], 1_000)] * 20, 10, 1_000)


@pytest.mark.parametrize("lag_s", [0.0, TARGET_S])
def test_what_is_not_above_the_target_is_no_queue(lag_s: float) -> None:
    capacity = make()
    for _ in range(10):
        assert interval(capacity, [lag_s]) == 1_000
