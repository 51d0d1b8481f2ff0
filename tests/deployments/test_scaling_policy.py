"""The scaling policy: replicas for the requests there are, more where they are late, none for lateness without requests."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray import cloudpickle

from deployments.scaling_policy import ByLatencyAndLag


def wanted(
    requests: float,
    running: int = 2,
    lag_ms: float = 0.0,
    call_ms: float = 0.0,
    target: float = 8,
    under_way: tuple[float, ...] = (),
) -> float:
    seen = SimpleNamespace(
        current_num_replicas=running,
        target_num_replicas=running,
        total_num_requests=requests,
        aggregated_metrics={
            "loop_lag_ms": {"a": lag_ms, "b": lag_ms},
            "call_ms": {"a": call_ms},
            "under_way": dict(enumerate(under_way)),
        },
        config=SimpleNamespace(get_target_ongoing_requests=lambda: target),
    )
    found, state = ByLatencyAndLag(lag_ms=5, call_ms=10)(seen)
    assert state == {}
    return found


@pytest.mark.parametrize(("requests", "replicas"), [(0, 0), (1, 1), (8, 1), (8.5, 2), (80, 10)])
def test_calm_replicas_are_counted_by_requests(requests: float, replicas: int) -> None:
    assert wanted(requests) == replicas


def test_requests_that_serve_does_not_count_are_counted_too() -> None:
    assert wanted(0, under_way=(4.0, 5.0)) == 2
    assert wanted(0, lag_ms=7.5, under_way=(4.0, 5.0)) == 3
    assert wanted(0, running=0, under_way=(1.0,)) == 1


def test_late_loops_and_long_calls_ask_for_more() -> None:
    assert wanted(4, lag_ms=7.5) == wanted(4, call_ms=15) == 3
    assert wanted(4, lag_ms=4) == 2, "not calm enough to take one away"
    assert wanted(4, lag_ms=2) == 1, "calm"


def test_one_step_at_most_doubles() -> None:
    assert wanted(4, lag_ms=5_000) == 4


def test_lateness_without_requests_is_not_ours() -> None:
    assert wanted(0, lag_ms=5_000) == 0


def test_nothing_is_known_of_replicas_that_have_not_told() -> None:
    seen = SimpleNamespace(
        current_num_replicas=2,
        target_num_replicas=2,
        total_num_requests=9,
        aggregated_metrics=None,
        config=SimpleNamespace(get_target_ongoing_requests=lambda: 8),
    )
    assert ByLatencyAndLag()(seen) == (2, {})


@given(st.floats(0, 1e4), st.integers(1, 50), st.floats(0, 1e4), st.floats(0, 1e4))
def test_more_pressure_never_means_fewer(requests: float, running: int, lag_ms: float, call_ms: float) -> None:
    found = wanted(requests, running, lag_ms, call_ms)
    assert found >= wanted(requests, running)
    assert found <= max(wanted(requests, running), 2 * running)


def test_it_travels_by_value() -> None:
    """Serve pickles it for its controller, which may not have our code."""
    cloudpickle.loads(cloudpickle.dumps(ByLatencyAndLag))()
