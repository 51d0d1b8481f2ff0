"""Replicas follow the load, and neither a rolling update nor a swap of the model costs a request."""

import asyncio
import copy
import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ray.dashboard.modules.serve.sdk import ServeSubmissionClient

from benchmarks.wire import Wire
from cluster.local.errors import LocalStackError
from cluster.local_cluster import LocalCluster
from cluster.serving import deploy
from rayce.generations import generation_name
from rayce.stores.dynamo import DynamoStore
from tests.end_to_end.conftest import OVERRIDES
from tests.end_to_end.small_shop import flat_ranker, publish_small_shop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.anyio]

UNCACHED = {**OVERRIDES, "cache": {"replies_mib": 0}}
"""The ranker is asked each time."""
SCALED, LOADED_BY = "RankerDeployment", 6
WITHIN_S = 45.0


class Serve:
    """A cluster whose ranker scales within seconds; keeps the config that it was deployed with."""

    def __init__(self, root: Path) -> None:
        self.config: dict[str, Any] = {}
        self.cluster = LocalCluster(root, mode="real", overrides=UNCACHED, adapt=self._adapt)

    def _adapt(self, config: dict[str, Any]) -> None:
        (deployment,) = (d for d in config["applications"][0]["deployments"] if d["name"] == SCALED)
        # The least load is too much for one replica, so that the test needs no quiet machine.
        deployment["autoscaling_config"] |= {
            "max_replicas": 2,
            "target_ongoing_requests": 0.2,
            "upscale_delay_s": 0.5,
            "downscale_delay_s": 2,
            "look_back_period_s": 3,
        }
        self.config = config

    def replicas(self, state: str = "RUNNING") -> set[str]:
        """The ranker's."""
        details = ServeSubmissionClient(self.cluster.dashboard).get_serve_details()
        found = details["applications"]["rayce"]["deployments"][SCALED]["replicas"]
        return {replica["replica_id"] for replica in found if replica["state"] == state}

    def update(self) -> None:
        """Roll every deployment: another reservation makes another version."""
        config = copy.deepcopy(self.config)
        for deployment in config["applications"][0]["deployments"]:
            deployment["ray_actor_options"]["num_cpus"] = 0.05
        deploy(self.cluster.dashboard, config)


class Shoppers:
    """Ask for recommendations in a closed loop until told to end."""

    def __init__(self, cluster: LocalCluster) -> None:
        self.wire = Wire(cluster.url, cluster.api_key)
        self.statuses, self.generations = Counter[int](), Counter[int]()
        self._end = asyncio.Event()
        self._tasks = [asyncio.ensure_future(self._shop(n)) for n in range(LOADED_BY)]

    async def _shop(self, number: int) -> None:
        for n in itertools.count():
            if self._end.is_set():
                return
            reply = await self.wire.get(f"/v1/users/s{number}-{n % 50}/recommendations?limit=5")
            self.statuses[reply.status] += 1
            if reply.status == 200:
                self.generations[int(reply.json()["generations"].get("ranker", 0))] += 1  # type: ignore[attr-defined]
            await asyncio.sleep(0.005)

    async def end(self) -> None:
        """All done."""
        self._end.set()
        await asyncio.gather(*self._tasks)
        self.wire.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    made = Serve(tmp_path)
    try:
        made.cluster.up()
    except LocalStackError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the real servers cannot be started here: {error}")
    try:
        publish_small_shop(made.cluster.settings, "demo")
        yield made
    finally:
        made.cluster.down()


async def until(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + WITHIN_S
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < until_s, "never came true"
        await asyncio.sleep(0.3)


async def test_load_scales_up_and_down_and_updates_and_swaps_cost_no_request(serve: Serve) -> None:
    assert len(serve.replicas()) == 1
    shoppers = Shoppers(serve.cluster)
    await until(lambda: len(serve.replicas()) == 2)

    before = serve.replicas()
    await asyncio.to_thread(serve.update)
    await until(lambda: len(serve.replicas()) >= 1 and not serve.replicas() & before)

    store, name = DynamoStore(serve.cluster.settings.dynamodb), generation_name("demo", "ranker")
    (live,) = store.live(name).values()
    store.make_live(name, store.publish(name, store.load_generation(name, live)))
    await until(lambda: shoppers.generations[live + 1] > 0)

    store.make_live(name, store.publish(name, flat_ranker()))
    ready: dict[str, Any] = {}
    until_s = time.monotonic() + WITHIN_S
    while not ready.get("models_left"):
        assert time.monotonic() < until_s, f"a model without any opinion was not left: {ready}"
        ready = (await shoppers.wire.get("/readyz")).json()
        await asyncio.sleep(0.3)
    told = ready["models_left"]["demo/default"]
    # A ranker that has not looked between the two swaps goes on with what it had before both.
    assert any(f"generation {live + 2} left aside, generation {n} ranks" in told for n in (live, live + 1)), told

    await shoppers.end()
    assert set(shoppers.statuses) == {200}, shoppers.statuses
    await until(lambda: len(serve.replicas()) == 1)
