"""Metrics: they add up over processes, in any order, and a snapshot of another version does no harm."""

from typing import get_args

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rayce.metrics import BUCKETS_S, LABELS, Metrics, Name

NAMES = get_args(Name)
COUNTS = [name for name in NAMES if name.endswith("_total")]
Act = tuple[str, Name, float]

acts = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(COUNTS), st.integers(1, 1000)),
        st.tuples(st.just("observe"), st.just("rayce_request_seconds"), st.floats(0, 5)),
    ),
    max_size=20,
)


def counted(what: list[Act]) -> Metrics:
    metrics = Metrics()
    for act, name, value in what:
        getattr(metrics, act)(name, value, *LABELS[name])
    return metrics


def numbers(metrics: Metrics) -> dict[str, float]:
    rows = [line.rpartition(" ") for line in metrics.text().splitlines() if line and not line.startswith("#")]
    return {name: round(float(value), 6) for name, _, value in rows if not name.split("{")[0].endswith("_sum")}


def merged(*parts: Metrics) -> Metrics:
    whole = Metrics()
    for part in parts:
        whole.merge(part.to_bytes())
    return whole


def test_every_name_has_its_labels_and_no_other_name_has() -> None:
    assert set(LABELS) == set(NAMES)


@given(acts, acts, acts)
def test_merging_is_counting_together_in_any_order(a: list[Act], b: list[Act], c: list[Act]) -> None:
    together = numbers(counted(a + b + c))
    assert numbers(merged(counted(a), counted(b), counted(c))) == together
    assert numbers(merged(counted(c), merged(counted(b), counted(a)))) == together


@given(st.lists(st.floats(0, 10), max_size=50))
def test_every_observation_is_in_the_buckets_above_it(values_s: list[float]) -> None:
    metrics = counted([("observe", "rayce_request_seconds", value) for value in values_s])
    found = numbers(metrics)
    for bound in BUCKETS_S:
        bucket = f'rayce_request_seconds_bucket{{route="route",le="{bound}"}}'
        assert found.get(bucket, 0) == sum(value <= bound for value in values_s)
    assert found.get('rayce_request_seconds_count{route="route"}', 0) == len(values_s)
    assert found.get('rayce_request_seconds_bucket{route="route",le="+Inf"}', 0) == len(values_s)


@given(st.binary(max_size=60))
def test_a_snapshot_that_cannot_be_read_is_passed_over(data: bytes) -> None:
    metrics = counted([("add", "rayce_served_total", 1)])
    metrics.merge(data)
    assert numbers(metrics) == {'rayce_served_total{rung="rung"}': 1.0}


def test_what_another_version_counts_differently_is_passed_over() -> None:
    """Its snapshot may stay in hot memory for long: it must not take `/metrics` away."""
    other = {
        "numbers": [
            [["rayce_served_total"], 5],
            [["rayce_served_total", "live", "x"], 5],
            [["unheard_of"], 1],
            [[], 1],
        ],
        "histograms": [[["rayce_request_seconds", "/"], [1.0, 2.0]], [["unheard_of"], [0.0] * (len(BUCKETS_S) + 3)]],
    }
    metrics = Metrics()
    metrics.merge(msgspec.msgpack.encode([other["numbers"], other["histograms"]]))
    assert numbers(metrics) == {}
    metrics.observe("rayce_request_seconds", 0.1, "/")
    metrics.merge(msgspec.msgpack.encode([other["numbers"], other["histograms"]]))
    assert numbers(metrics)['rayce_request_seconds_count{route="/"}'] == 1


def test_a_gauge_says_what_is_now() -> None:
    metrics = Metrics()
    metrics.set("rayce_stream_epoch", 3, "0")
    metrics.set("rayce_stream_epoch", 4, "0")
    assert '# TYPE rayce_stream_epoch gauge\nrayce_stream_epoch{partition="0"} 4' in metrics.text()
