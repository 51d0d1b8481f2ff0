"""The bulk reader on real brokers: everything once, from where it is told; what is not there any more is said."""

import time

import msgspec
import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from rayce.errors import Unavailable
from rayce.lake.records import Chunk
from rayce.settings import KafkaSettings, Settings
from rayce.stores.kafka_bulk import BulkReader
from rayce.stores.kafka_log import connection

PARTITIONS = 3


@pytest.fixture
def kafka(real_stack: Settings) -> KafkaSettings:
    return msgspec.structs.replace(real_stack.kafka, partitions=PARTITIONS)


@pytest.fixture
def topic(kafka: KafkaSettings, request: pytest.FixtureRequest) -> str:
    """A topic of the test's own, with ten records in each partition, the last of them keyed."""
    name = f"bulk.{request.node.name}.{time.time_ns()}"
    admin = KafkaAdminClient(**connection(kafka))
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])
    admin.close()
    write(kafka, name, range(10))
    return name


def write(kafka: KafkaSettings, topic: str, numbers: range) -> None:
    producer = KafkaProducer(**connection(kafka), acks="all")
    for partition in range(PARTITIONS):
        for n in numbers:
            producer.send(topic, f"{partition}:{n}".encode(), b"the key" if n == 9 else None, partition=partition)
    producer.flush(30)
    producer.close()


def read(reader: BulkReader, records: int) -> dict[int, list[Chunk]]:
    found: dict[int, list[Chunk]] = {}
    until_s = time.monotonic() + 60
    while (
        sum(len(chunk.offsets) for chunks in found.values() for chunk in chunks) < records
        and time.monotonic() < until_s
    ):
        for chunk in reader.fetch(0.2):
            found.setdefault(chunk.partition, []).append(chunk)
    return found


def test_it_reads_every_partition_from_where_it_is_told(kafka: KafkaSettings, topic: str) -> None:
    reader = BulkReader(kafka, topic, max_records=4)
    assert reader.bounds() == dict.fromkeys(range(PARTITIONS), (0, 10))
    reader.begin({0: 0, 1: 4, 2: 10})
    found = read(reader, 16)
    values = {number: [value for chunk in chunks for value in chunk.values] for number, chunks in found.items()}
    assert values == {0: [f"0:{n}".encode() for n in range(10)], 1: [f"1:{n}".encode() for n in range(4, 10)]}
    assert [offset for chunk in found[1] for offset in chunk.offsets] == list(range(4, 10))
    assert {number: reader.ends()[number] for number in (0, 1)} == {0: 10, 1: 10}
    last = found[0][-1]
    key, at_ms = last.origin(len(last.offsets) - 1)
    assert key == b"the key" and abs(at_ms - time.time() * 1000) < 600_000
    write(kafka, topic, range(10, 12))
    more = read(reader, 6)
    assert sorted(more) == [0, 1, 2] and more[2][0].values[0] == b"2:10"
    reader.close()


def test_to_begin_again_forgets_what_was_fetched(kafka: KafkaSettings, topic: str) -> None:
    reader = BulkReader(kafka, topic, max_records=2)
    reader.begin({0: 0})
    read(reader, 2)
    reader.begin({0: 1})
    found = read(reader, 9)
    assert [offset for chunk in found[0] for offset in chunk.offsets] == list(range(1, 10))
    reader.close()


def test_what_retention_took_is_said_and_the_bounds_tell_how_much(kafka: KafkaSettings, topic: str) -> None:
    admin = KafkaAdminClient(**connection(kafka))
    admin.delete_records({TopicPartition(topic, 0): 6})
    admin.close()
    reader = BulkReader(kafka, topic)
    assert reader.bounds()[0] == (6, 10)
    reader.begin({0: 2})
    with pytest.raises(Unavailable, match="kafka"):
        read(reader, 1)
    reader.begin({0: 6})
    assert read(reader, 4)[0][0].offsets[0] == 6
    reader.close()


def test_brokers_that_are_away_are_unavailable() -> None:
    reader = BulkReader(KafkaSettings(bootstrap="127.0.0.1:9", partitions=1), "any")
    with pytest.raises(Unavailable, match="kafka"):
        reader.bounds()
    reader.close()
