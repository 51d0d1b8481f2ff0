"""The writer as it is composed, on real Kafka and Redis; and its Ray shell, here and in a cluster."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import ray

from benchmarks.event_log import EventLog
from benchmarks.stream_cluster import StreamCluster
from cluster.lake import actor
from cluster.lake.actor import NAME, LakeWriter, start_lake, stop_lake
from cluster.stream.actors import NAMESPACE
from rayce.errors import InvalidInput
from rayce.lake.reading import open_lake
from rayce.lake.settings import LakeSettings
from rayce.lake.table import LakeTable
from rayce.settings import Settings
from rayce.stores.kafka_log import create_topics
from tests.rayce.lake.lakes import an_event

WITHIN_S = 60.0


def positions(lake: LakeSettings) -> dict[int, int]:
    try:
        return open_lake(lake).positions()
    except InvalidInput:
        return {}


def wait_until(done: Callable[[], bool]) -> None:
    until_s = time.monotonic() + WITHIN_S
    while not done():
        assert time.monotonic() < until_s, "it did not come to pass"
        time.sleep(0.1)


def each_once(lake: LakeSettings, ends: dict[int, int]) -> bool:
    """Whether the lake has every record of the log, and none twice."""
    rows = [row for batch in LakeTable("events", lake).select(["partition", "offset"]) for row in batch.to_pylist()]
    places = [(row["partition"], row["offset"]) for row in rows]
    return sorted(places) == [(partition, offset) for partition in sorted(ends) for offset in range(ends[partition])]


def test_the_shell_runs_the_writer_and_drains_it(
    real_stack: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actor.os, "_exit", lambda code: pytest.fail("the writer has ended by itself"))
    lake = LakeSettings(path=str(tmp_path / "lake"), flush_s=3_600.0)
    kafka = msgspec.structs.replace(real_stack.kafka, partitions=3)  # as in the other tests that share it
    create_topics(kafka)
    log = EventLog(kafka)
    log.fill(an_event(number) for number in range(500))
    ends = log.ends()
    log.close()
    shell = LakeWriter.__ray_actor_class__(msgspec.structs.replace(real_stack, kafka=kafka, lake=lake))  # type: ignore[attr-defined]
    writer = shell._writer
    try:
        wait_until(lambda: sum(at for at in writer.appendings[0]._next.values()) == sum(ends.values()))
        assert positions(lake) == {}, "they wait for more"
    finally:
        shell.drain()
    assert positions(lake) == ends and each_once(lake, ends)
    assert LakeTable("decisions", lake).positions().keys() <= {0, 1, 2}


def test_without_a_lake_nothing_is_started() -> None:
    assert start_lake(Settings()) is None


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_in_a_cluster_it_is_killed_comes_back_and_goes_on(tmp_path: Path) -> None:
    knobs = {"path": str(tmp_path / "lake"), "flush_s": 0.5}
    with StreamCluster(tmp_path / "cluster", mode="real", overrides={"lake": knobs}) as cluster:
        writer = start_lake(cluster.settings)
        assert writer is not None
        log, lake = EventLog(cluster.settings.kafka), cluster.settings.lake
        for part in range(3):
            log.fill(an_event(number) for number in range(part * 1_000, part * 1_000 + 1_000))
            wait_until(lambda: positions(lake) == log.ends())
            os.kill(ray.get(ray.get_actor(NAME, NAMESPACE).pid.remote(), timeout=WITHIN_S), signal.SIGKILL)
        log.fill(an_event(number) for number in range(50))
        ends = log.ends()
        wait_until(lambda: positions(lake) == ends)
        log.close()
        stop_lake()
    assert each_once(lake, ends)
