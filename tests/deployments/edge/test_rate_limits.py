"""Rates per key: never more than the limit over any time, shared out over replicas, and told as the draft says."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.edge.rate_limits import MAX_BUCKETS, Limit, LiveReplicas, RateLimits


def allowed(limits: RateLimits, limit: Limit, at_s: Sequence[float], key: str = "page") -> list[float]:
    """When requests at those moments were let through."""
    return [moment for moment in at_s if limits.take(key, limit, moment).allowed]


def test_a_burst_then_the_rate() -> None:
    limits = RateLimits()
    assert len(allowed(limits, Limit(10, 5), [0.0] * 20)) == 5
    assert len(allowed(limits, Limit(10, 5), [n / 100 for n in range(1, 101)])) == 10


def test_a_refusal_says_when_the_next_may_come_and_then_it_may() -> None:
    limits, limit = RateLimits(), Limit(0.5, 1)
    assert limits.take("page", limit, 0.0).allowed
    refused = limits.take("page", limit, 0.5)
    assert not refused.allowed and refused.retry_after_s == 2
    assert limits.take("page", limit, 0.5 + refused.retry_after_s).allowed


def test_keys_do_not_take_from_each_other() -> None:
    limits, limit = RateLimits(), Limit(1, 1)
    assert limits.take("a", limit, 0.0).allowed and not limits.take("a", limit, 0.0).allowed
    assert limits.take("b", limit, 0.0).allowed


def test_replicas_share_a_limit() -> None:
    one, two = RateLimits(), RateLimits()
    one.replicas = two.replicas = 2
    moments = [n / 100 for n in range(1000)]
    through = allowed(one, Limit(20, 2), moments) + allowed(two, Limit(20, 2), moments)
    assert 195 <= len(through) <= 205


def test_headers_say_the_policy_and_how_it_stands() -> None:
    limits = RateLimits()
    first = dict(limits.take("page", Limit(50, 3), 0.0).headers)
    assert first == {b"ratelimit-policy": b'"key";q=50;w=1', b"ratelimit": b'"key";r=2;t=0'}
    limits.take("page", Limit(50, 3), 0.0), limits.take("page", Limit(50, 3), 0.0)
    assert dict(limits.take("page", Limit(50, 3), 0.0).headers)[b"ratelimit"] == b'"key";r=0;t=1'


def test_buckets_are_bounded() -> None:
    limits = RateLimits()
    for n in range(MAX_BUCKETS + 10):
        limits.take(f"k{n}", Limit(1, 1), 0.0)
    assert len(limits._buckets) <= MAX_BUCKETS


@given(
    st.lists(st.floats(0, 30), min_size=1, max_size=200).map(sorted),
    st.floats(0.1, 50),
    st.integers(1, 20),
    st.integers(1, 4),
)
def test_over_any_time_no_more_pass_than_burst_and_rate_allow(
    moments: list[float], rate_per_s: float, burst: int, replicas: int
) -> None:
    limits = RateLimits()
    limits.replicas = replicas
    through = allowed(limits, Limit(rate_per_s, burst), moments)
    for i, start in enumerate(through):
        for j in range(i, len(through)):
            most = max(1.0, burst / replicas) + (through[j] - start) * rate_per_s / replicas
            assert j - i + 1 <= most + 1e-6


def test_time_that_goes_back_gives_nothing() -> None:
    limits = RateLimits()
    assert limits.take("a", Limit(1, 1), 100.0).allowed
    assert not limits.take("a", Limit(1, 1), 50.0).allowed


@pytest.mark.parametrize(
    "looks, counts",
    [
        ([{"edge:1": b"a"}, {"edge:1": b"b"}], [1, 1]),
        ([{"edge:1": b"a", "edge:2": b"a"}, {"edge:1": b"b", "edge:2": b"b"}], [1, 2]),
        ([{"edge:1": b"a", "edge:dead": b"x"}, {"edge:1": b"b", "edge:dead": b"x"}], [1, 1]),
        ([{"edge:1": b"a"}, {"edge:1": b"b", "edge:new": b"x"}], [1, 2]),
        ([{"edge:1": b"a", "stream:1": b"a"}, {"edge:1": b"b", "stream:1": b"b"}], [1, 1]),
        ([{}, {}], [1, 1]),
    ],
)
def test_replicas_that_still_tell_are_counted(looks: list[dict[str, bytes]], counts: list[int]) -> None:
    live = LiveReplicas("edge:")
    assert [live.count(look) for look in looks] == counts
