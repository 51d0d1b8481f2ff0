"""Scaling: more workers when events pile up for a while, fewer when it is quiet for long, always between the limits."""

from hypothesis import given
from hypothesis import strategies as st

from cluster.stream.scaling import PATIENCE, Trend, follow
from rayce.settings import StreamSettings

KNOBS = StreamSettings(
    min_workers=2, max_workers=5, scale_up_lag_events=1_000, scale_down_lag_events=100, scale_after_s=10
)


def after(lags: list[int], trend: Trend, partitions: int = 12, every_s: float = 1.0) -> Trend:
    for n, lag in enumerate(lags):
        trend = follow(trend, lag, partitions, KNOBS, n * every_s)
    return trend


def test_a_lag_that_stays_brings_one_more_worker_at_a_time() -> None:
    assert after([5_000] * 10, Trend(2)).workers == 2
    assert after([5_000] * 11, Trend(2)).workers == 3
    assert after([100_000] * 200, Trend(2)).workers == 5, "never more than max_workers"


def test_a_short_peak_brings_none() -> None:
    assert after([5_000] * 9 + [500] + [5_000] * 9, Trend(2)).workers == 2


def test_the_lag_counts_per_worker() -> None:
    assert after([2_500] * 60, Trend(2)).workers == 3, "833 a worker is not too much"


def test_long_quiet_takes_one_away_but_never_the_last_of_min_workers() -> None:
    quiet = int(PATIENCE * KNOBS.scale_after_s)
    assert after([0] * quiet, Trend(4)).workers == 4
    assert after([0] * (quiet + 1), Trend(4)).workers == 3
    assert after([0] * (20 * quiet), Trend(4)).workers == 2


def test_there_are_never_more_workers_than_partitions() -> None:
    assert after([10**9] * 500, Trend(5), partitions=3).workers == 3
    assert after([0], Trend(5), partitions=1).workers == 1


@given(st.lists(st.integers(0, 100_000), max_size=80), st.integers(0, 9), st.integers(1, 8))
def test_it_stays_between_the_limits_whatever_happens(lags: list[int], workers: int, partitions: int) -> None:
    trend = Trend(workers)
    for n, lag in enumerate(lags):
        trend = follow(trend, lag, partitions, KNOBS, 5.0 * n)
        assert min(2, partitions) <= trend.workers <= min(5, partitions)
