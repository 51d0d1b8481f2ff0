"""The last decisions, read from a real Kafka as `rayce rules check --sample` does."""

import uuid

import msgspec
import pytest

from rayce.decision import VERSION, Decision, encode_decision
from rayce.errors import Unavailable
from rayce.recent_decisions import recent_decisions
from rayce.settings import KafkaSettings, Settings
from rayce.stores.interfaces import DECISIONS
from rayce.stores.kafka_log import LogReader, LogWriter, create_topics

pytestmark = pytest.mark.anyio

PARTITIONS, WRITTEN = 3, 700


async def test_the_newest_of_a_tenant_are_found_over_all_partitions_in_steps(real_stack: Settings) -> None:
    kafka = msgspec.structs.replace(real_stack.kafka, partitions=PARTITIONS, ack_timeout_ms=20_000)
    create_topics(kafka)
    tenant = uuid.uuid4().hex
    writer = LogWriter(kafka)
    decisions = [
        Decision(
            version=VERSION, decision_id=f"{n}", kind="recommendation", tenant=tenant if n % 7 == 0 else "x", at_ms=n
        )
        for n in range(WRITTEN)
    ]
    await writer.write(DECISIONS, [(f"k{each.at_ms}", encode_decision(each)) for each in decisions])
    writer.close()
    reader = LogReader(kafka, range(PARTITIONS), topic=DECISIONS, group="rules-check-test")
    try:
        last = recent_decisions(reader, lambda each: each.tenant == tenant, 20)
        everything = recent_decisions(reader, lambda each: each.tenant == tenant, 1_000)
    finally:
        reader.close()
    assert [each.at_ms for each in everything] == list(range(0, WRITTEN, 7))
    assert len(last) == 20 and min(each.at_ms for each in last) > WRITTEN / 4


@pytest.mark.slow  # kafka-python looks for brokers for half a minute
async def test_where_no_broker_answers_it_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="kafka"):
        LogReader(KafkaSettings(bootstrap="127.0.0.1:1"), range(PARTITIONS), topic=DECISIONS)
