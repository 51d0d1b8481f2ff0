"""A node of the Ray cluster is lost with the stream's worker on it: the worker comes back on another node, nothing is lost."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from cluster.local.errors import LocalStackError
from cluster.local.stack import LocalStack
from cluster.prepare import prepare_stores
from cluster.stream.actors import NAMESPACE, start_stream
from rayce.event import VERSION, Event, encode_event
from rayce.profile import decode_profile
from rayce.pseudonym import Pseudonymizer
from rayce.settings import Settings, load_settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.kafka_log import EVENTS, LogWriter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PEOPLE, EVENTS_EACH = 50, 20
CHECKOUT = Path(__file__).parent.parent.parent


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    stack = LocalStack(tmp_path, mode="real")
    try:
        stack.up()
    except LocalStackError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the real servers cannot be started here: {error}")
    yield load_settings(stack.settings_path, {})
    stack.down()


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_the_stream_survives_the_loss_of_its_node(settings: Settings, nodes: Cluster) -> None:
    prepare_stores(settings)
    first = nodes.add_node(num_cpus=1)
    ray.init(address=nodes.address, namespace=NAMESPACE, log_to_driver=False)
    supervisor = start_stream(settings)
    _wait(lambda: ray.get(supervisor.ready.remote(), timeout=60))
    persons = [Pseudonymizer("k1", settings.privacy.pseudonym_keys).person("demo", f"u{n}") for n in range(PEOPLE)]
    _send(settings, persons, "before")
    nodes.add_node(num_cpus=1)
    nodes.remove_node(first, allow_graceful=False)
    _send(settings, persons, "after")
    store = DynamoStore(settings.dynamodb)

    def counted() -> Counter[str]:
        found = store.load_profiles(persons)
        return Counter({person: decode_profile(stored.state).events for person, stored in found.items()})

    wanted = Counter(dict.fromkeys(persons, 2 * EVENTS_EACH))
    _wait(lambda: counted() == wanted, seconds=90)
    time.sleep(1)
    assert counted() == wanted, "nothing was lost or counted twice"


def _send(settings: Settings, persons: list[str], name: str) -> None:
    events = [
        Event(VERSION, f"{name}-{person[-6:]}-{n}", "view", "demo", person, 1_760_000_000_000 + n, consent=1)
        for n in range(EVENTS_EACH)
        for person in persons
    ]
    writer = LogWriter(settings.kafka)
    asyncio.run(writer.write(EVENTS, [(event.person, encode_event(event)) for event in events]))
    writer.close()


def _wait(holds, seconds: float = 60) -> None:  # type: ignore[no-untyped-def]
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "never came true"
        time.sleep(0.2)
