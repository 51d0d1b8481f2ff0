"""The log of decisions on every log: what is told can be read, a person's in one partition with the person's events."""

import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from deployments.edge.decision_log import TURN, DecisionLog
from rayce.decision import VERSION, Decision, decode_decision
from rayce.errors import InvalidInput
from rayce.metrics import Metrics
from rayce.settings import KafkaSettings, Settings
from rayce.stores.interfaces import DECISIONS, EVENTS
from rayce.stores.kafka_log import LogWriter, create_topics
from rayce.stores.memory_log import MemoryLog

pytestmark = pytest.mark.anyio

PARTITIONS, WITHIN_S = 3, 30.0

Read = Callable[[str], list[tuple[int, bytes, bytes]]]
"""Of a topic: partition, key and value of every record."""


class Backend:
    """A log's writer, and what is in the log."""

    def __init__(self, writer: Any, read: Read) -> None:
        self.writer, self.read = writer, read

    def decisions(self, tenant: str) -> list[tuple[int, Decision]]:
        """A tenant's, with their partition."""
        found = []
        for partition, _key, value in self.read(DECISIONS):
            try:
                decision = decode_decision(value)
            except InvalidInput:
                continue
            if decision.tenant == tenant:
                found.append((partition, decision))
        return found


@pytest.fixture(params=["memory", "kafka"])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    """The real one is shared by the tests of a session."""
    if request.param == "memory":
        memory = MemoryLog(PARTITIONS)
        yield Backend(
            memory,
            lambda topic: [
                (p, r.key or b"", r.value) for p in range(PARTITIONS) for r in memory.read(p, 0, 99_999, topic)
            ],
        )
        return
    settings: Settings = request.getfixturevalue("real_stack")
    kafka = msgspec.structs.replace(settings.kafka, partitions=PARTITIONS, ack_timeout_ms=20_000)
    create_topics(kafka)
    writer = LogWriter(kafka)
    yield Backend(writer, lambda topic: _read(kafka, topic))
    writer.close()


def _read(settings: KafkaSettings, topic: str) -> list[tuple[int, bytes, bytes]]:
    places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    consumer = KafkaConsumer(bootstrap_servers=settings.bootstrap, enable_auto_commit=False)
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    ends, until_s, found = consumer.end_offsets(places), time.monotonic() + WITHIN_S, []
    while any(consumer.position(p) < ends[p] for p in places) and time.monotonic() < until_s:
        found += [record for records in consumer.poll(200).values() for record in records]
    consumer.close()
    return [(record.partition, record.key, record.value) for record in found]


def decision(tenant: str, number: int, person: str = "") -> Decision:
    return Decision(
        version=VERSION,
        decision_id=f"{tenant}-{number}",
        kind="slot",
        tenant=tenant,
        at_ms=number,
        person=person,
        context={"device": "phone"},
        propensity=0.5,
    )


async def test_every_decision_that_is_told_can_be_read_as_it_was(backend: Backend) -> None:
    tenant, metrics = uuid.uuid4().hex, Metrics()
    log = DecisionLog(backend.writer, metrics, 10_000)
    told = [decision(tenant, number) for number in range(5 * TURN + 3)]
    for one in told:
        log.tell(one)
    await log.close()
    found = sorted((one for _partition, one in backend.decisions(tenant)), key=lambda one: one.at_ms)
    assert found == told
    assert len({partition for partition, _one in backend.decisions(tenant)}) == PARTITIONS
    assert metrics.values("rayce_decisions_dropped_total") == []


async def test_a_persons_decisions_are_in_the_partition_of_the_persons_events(backend: Backend) -> None:
    tenant, log = uuid.uuid4().hex, DecisionLog(backend.writer, Metrics(), 10_000)
    people = [f"k1:{uuid.uuid4().hex}" for _ in range(12)]
    await backend.writer.write(EVENTS, [(person, tenant.encode()) for person in people])
    for number, person in enumerate(2 * people):
        log.tell(decision(tenant, number, person))
    await log.flush()
    events = {key.decode(): partition for partition, key, value in backend.read(EVENTS) if value == tenant.encode()}
    found = backend.decisions(tenant)
    assert len(found) == 24
    assert all(partition == events[one.person] for partition, one in found)


async def test_the_topic_keeps_decisions_as_long_as_the_settings_say(
    backend: Backend, request: pytest.FixtureRequest
) -> None:
    if "kafka" not in request.node.name:
        pytest.skip("memory keeps everything")
    settings: KafkaSettings = request.getfixturevalue("real_stack").kafka
    admin = KafkaAdminClient(bootstrap_servers=settings.bootstrap)
    try:
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, DECISIONS, ["retention.ms"])])
    finally:
        admin.close()
    assert str(settings.decisions_retention_h * 3_600_000) in str(found)
