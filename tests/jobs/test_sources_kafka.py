"""The log as a job's input, on a real Kafka: pinned, read twice, the same."""

import uuid

import msgspec
import pytest

from jobs.sources import Log
from rayce.settings import Settings
from rayce.stores.interfaces import EVENTS
from rayce.stores.kafka_log import LogReader, LogWriter, create_topics


@pytest.mark.parametrize("most", [7, 5_000])
def test_what_was_pinned_is_read_the_same_whatever_is_written_meanwhile(real_stack: Settings, most: int) -> None:
    kafka = msgspec.structs.replace(real_stack.kafka, partitions=3, ack_timeout_ms=20_000)
    create_topics(kafka)
    tag = uuid.uuid4().hex
    values = [f"{tag} {n:03}".encode() for n in range(200)]
    writer = LogWriter(kafka)
    log = Log(lambda partitions: LogReader(kafka, partitions, most), 3)
    writer.write_all_now(EVENTS, [(f"{tag}-{n % 11}".encode(), value) for n, value in enumerate(values)])
    pin = msgspec.json.decode(msgspec.json.encode(log.now()))
    first = list(log.records(pin))
    writer.write_all_now(EVENTS, [(b"later", b"later")])
    writer.close()
    assert log.holds(pin)
    assert log.total(pin) == len(first)
    assert list(log.records(pin)) == first
    assert sorted(value for value in first if value.startswith(tag.encode())) == values
    assert log.total(log.now()) == len(first) + 1
