"""Something is killed or stopped in the middle of traffic: no request fails, nothing is lost, nothing is counted twice."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import pytest
import ray
from ray.dashboard.modules.serve.sdk import ServeSubmissionClient
from ray.util.state import list_actors

from benchmarks.wire import Wire
from cluster.local_cluster import LocalCluster
from cluster.stream.actors import NAMESPACE, PartitionWorker
from tests.end_to_end.traffic import Traffic

pytestmark = pytest.mark.timeout(240)

SHOPPERS = 12


def replica_pids(deployment: str) -> list[int]:
    """Processes of a deployment's replicas."""
    found = list_actors(filters=[("state", "=", "ALIVE")], limit=1_000)
    return [actor.pid for actor in found if actor.class_name == f"ServeReplica:rayce:{deployment}"]


async def shop_while(cluster: LocalCluster, prefix: str, disturb: Callable[[], Awaitable[None]]) -> Traffic:
    """Traffic with the disturbance in its middle; asserts that nothing failed, was lost or doubled."""
    await until_whole(cluster)
    traffic = Traffic(cluster.url, cluster.api_key, SHOPPERS, prefix)
    await traffic.run(disturb)
    assert traffic.failures == []
    assert traffic.sent.total() > SHOPPERS
    assert await traffic.count() == (0, 0)
    traffic.wire.close()
    return traffic


async def until_whole(cluster: LocalCluster) -> None:
    """Wait until what a former test has killed is back: its absence would be taken for this test's disturbance.

    Every deployment is healthy, and every edge finds the ranker: none of many replies in a row is from a lower rung.
    """
    client, wire = ServeSubmissionClient(cluster.dashboard), Wire(cluster.url, cluster.api_key)
    in_a_row = 0
    while in_a_row < 20:
        replies = await asyncio.gather(*(wire.get("/v1/users/nobody/recommendations") for _ in range(8)))
        live = all(reply.status == 200 and reply.json()["served"] == "live" for reply in replies)
        in_a_row = in_a_row + 1 if live and await asyncio.to_thread(_healthy, client) else 0
        await asyncio.sleep(0.05)
    wire.close()


def _healthy(client: ServeSubmissionClient) -> bool:
    deployments = client.get_serve_details()["applications"]["rayce"]["deployments"].values()
    replicas = [replica["state"] for deployment in deployments for replica in deployment["replicas"]]
    return all(d["status"] == "HEALTHY" for d in deployments) and set(replicas) == {"RUNNING"}


def outage(cluster: LocalCluster, server: str) -> Callable[[], Awaitable[None]]:
    """A server is killed, and started again after a while."""

    async def kill_and_start() -> None:
        await asyncio.to_thread(cluster.stack.kill_server, server)
        await asyncio.sleep(3)
        await asyncio.to_thread(cluster.stack.start_server, server)

    return kill_and_start


@pytest.mark.anyio
async def test_a_killed_partition_worker(cluster: LocalCluster) -> None:
    worker = ray.get_actor("stream-worker-0", NAMESPACE)
    before = ray.get(worker.pid.remote(), timeout=30)

    async def kill() -> None:
        os.kill(before, signal.SIGKILL)
        await asyncio.sleep(2)

    await shop_while(cluster, "worker", kill)
    assert ray.get(worker.pid.remote(), timeout=30) != before, "another process has taken over"


@pytest.mark.anyio
@pytest.mark.parametrize("deployment", ["EdgeRouter", "FeatureReaderDeployment", "RankerDeployment"])
async def test_a_killed_replica(cluster: LocalCluster, deployment: str) -> None:
    async def kill() -> None:
        os.kill(replica_pids(deployment)[0], signal.SIGKILL)

    await shop_while(cluster, f"replica-{deployment}", kill)


@pytest.mark.anyio
async def test_redis_is_away_for_a_while(cluster: LocalCluster) -> None:
    traffic = await shop_while(cluster, "redis", outage(cluster, "redis"))
    assert traffic.live_and_personal >= 0.8 * traffic.served.total(), traffic.served


@pytest.mark.anyio
async def test_redis_comes_back_empty(cluster: LocalCluster) -> None:
    async def wipe() -> None:
        await asyncio.to_thread(_flush_redis, cluster)

    traffic = await shop_while(cluster, "wiped", wipe)
    engaged = await traffic.wire.get(f"/v1/users/{traffic.users[0]}/segments")
    assert engaged.status == 200, "the view was rebuilt from durable memory"


@pytest.mark.anyio
async def test_dynamodb_is_away_for_a_while(cluster: LocalCluster) -> None:
    await shop_while(cluster, "dynamodb", outage(cluster, "dynamodb"))


@pytest.mark.anyio
async def test_kafka_is_away_for_a_while(cluster: LocalCluster) -> None:
    """Events get 503 and are sent again by their senders; reads go on."""

    traffic = await shop_while(cluster, "kafka", outage(cluster, "kafka"))
    assert traffic.repeats > 0, "the outage was noticed"


def _flush_redis(cluster: LocalCluster) -> None:
    import redis

    redis.Redis.from_url(cluster.settings.redis.url).flushall()


def test_the_worker_is_an_actor_that_ray_restarts() -> None:
    assert PartitionWorker._default_options["max_restarts"] == -1  # type: ignore[attr-defined]
