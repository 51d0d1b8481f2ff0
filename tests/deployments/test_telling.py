"""Telling: any edge can answer for all replicas, and what was left is said as long as it is so."""

import pytest

from deployments.telling import LEFT, LEFT_COUNTS_S, MAX_TOLD, Telling, models_left
from rayce.metrics import Metrics
from rayce.stores.memory_hot import MemoryHot

pytestmark = pytest.mark.anyio


async def test_metrics_and_models_left_are_told() -> None:
    hot, metrics = MemoryHot(), Metrics()
    metrics.add("rayce_hedged_reads_total", 3)
    left = {"shop/default": "generation 2 left aside"}
    await Telling("ranker", hot, metrics, lambda: left).tell()
    statuses = await hot.read_status()
    merged = Metrics()
    for body in statuses.values():
        merged.merge(body)
    assert merged.values("rayce_hedged_reads_total") == [((), 3)]
    (name,) = (name for name in statuses if name.startswith(LEFT))
    at_ms = int(name.split(":")[2]) // 1_000_000
    assert models_left(statuses, at_ms) == left
    assert models_left(statuses, at_ms + 2_000 * int(LEFT_COUNTS_S)) == {}, "who told it has stopped to say so"


async def test_replicas_with_nothing_to_say_of_models_say_nothing() -> None:
    hot = MemoryHot()
    await Telling("ranker", hot, Metrics()).tell()
    assert [name for name in await hot.read_status() if name.startswith(LEFT)] == []


async def test_only_the_newest_of_a_kind_are_kept() -> None:
    hot = MemoryHot()
    for n in range(MAX_TOLD + 5):
        await hot.tell_status(f"reader:{n:020d}:1", b"")
    await hot.tell_status("stream:0", b"")
    await Telling("reader", hot, Metrics()).tell()
    names = await hot.read_status()
    assert len([name for name in names if name.startswith("reader:")]) == MAX_TOLD
    assert "stream:0" in names and "reader:" + "0" * 20 + ":1" not in names


def test_what_is_no_report_is_passed_over() -> None:
    assert models_left({LEFT + "x": b"\xff", "edge:1": b"{}"}, 0) == {}
