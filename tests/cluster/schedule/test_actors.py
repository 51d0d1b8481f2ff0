"""The scheduler on a real Ray: it submits what is due, tells of it, and survives its own end."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import ray
import yaml

from cluster.local_cluster import free_port
from cluster.ray_settings import own_loopback_node
from cluster.schedule.actors import NAME, NAMESPACE, schedules_of, start_scheduler
from cluster.schedule.scheduling import BOOK, Mark
from rayce.batch_settings import BatchSettings, Scheduled
from rayce.errors import InvalidSettings
from rayce.job_runs import runs_of
from rayce.metrics import Metrics
from rayce.settings import Settings, load_settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.redis_view import RedisReader

CHECKOUT = Path(__file__).parent.parent.parent.parent
WITHIN_S = 90.0


def test_a_schedule_of_something_else_than_a_job_is_refused_before_anything_starts() -> None:
    settings = Settings(batch=BatchSettings(schedules=(Scheduled("frame", "0 3 * * *"),)))
    with pytest.raises(InvalidSettings, match=r"batch.schedules\[0\].job.*there is no such job.*build_affinities"):
        schedules_of(settings)


@pytest.fixture
def dashboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    port = free_port(0)
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # loopback, for Ray's own processes too
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    with own_loopback_node(agent_port=free_port(0)):
        ray.init(
            address="local",
            num_cpus=2,
            namespace=NAMESPACE,
            include_dashboard=True,
            dashboard_host="127.0.0.1",
            dashboard_port=port,
            _node_ip_address="127.0.0.1",
            log_to_driver=False,
            logging_level="ERROR",
        )
    yield f"http://127.0.0.1:{port}"
    ray.shutdown()


def until(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < until_s, "it did not come to that in time"
        time.sleep(0.5)


@pytest.mark.slow
def test_what_is_due_runs_once_also_when_the_scheduler_is_killed(
    real_stack: Settings, dashboard: str, tmp_path: Path
) -> None:
    tree = {
        "batch": {
            "work_path": str(tmp_path / "work"),
            "schedule_poll_s": 0.5,
            "schedules": [{"job": "collect_garbage", "cron": "0 0 1 1 *", "name": "yearly"}],
        },
        "dynamodb": {**msgspec.to_builtins(real_stack.dynamodb), "table_prefix": "schedule-", "timeout_ms": 20_000},
        "kafka": msgspec.to_builtins(real_stack.kafka),
        "redis": msgspec.to_builtins(real_stack.redis),
    }
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump(tree))
    settings = load_settings(path, {})
    store = DynamoStore(settings.dynamodb)
    store.create()
    a_year_ago = Mark(time.time() - 370 * 86_400)
    store.save_note(BOOK, "yearly", msgspec.json.encode(a_year_ago))
    start_scheduler(settings, str(path), dashboard)
    until(lambda: "yearly" in store.load_notes(BOOK) and marked(store).until_s > a_year_ago.until_s)
    ray.kill(ray.get_actor(NAME, NAMESPACE), no_restart=False)
    until(lambda: [run.exit_code for run in ended(store)] == [0])
    until(lambda: not marked(store).run)
    start_scheduler(settings, str(path), dashboard)
    time.sleep(3)
    assert len(ended(store)) == 1
    told = Metrics()
    for snapshot in asyncio.run(status(settings)).values():
        told.merge(snapshot)
    assert 'rayce_job_exit_code{tenant="_",job="collect_garbage"} 0' in told.text()
    assert 'rayce_schedule_due_timestamp{schedule="yearly"}' in told.text()


async def status(settings: Settings) -> dict[str, bytes]:
    """What hot memory was told."""
    hot = RedisReader(settings.redis)
    try:
        return await hot.read_status()
    finally:
        await hot.close()


def marked(store: DynamoStore) -> Mark:
    return msgspec.json.decode(store.load_notes(BOOK)["yearly"], type=Mark)


def ended(store: DynamoStore) -> list:  # type: ignore[type-arg]
    return runs_of(store).get(("_", "collect_garbage"), [])
