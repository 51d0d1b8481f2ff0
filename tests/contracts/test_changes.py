"""Announcing changes: records and position move together, a former owner is shut out, what was announced is not repeated."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from kafka import KafkaConsumer, TopicPartition

from rayce.errors import Unavailable
from rayce.settings import Settings
from rayce.stores.interfaces import CHANGES
from rayce.stores.kafka_changes import ChangesWriter
from rayce.stores.kafka_log import create_topics
from rayce.stores.memory_log import MemoryLog

WITHIN_S = 30.0


class Backend:
    """How to make writers, and what subscribers have been told of a partition."""

    def __init__(self, writer: Callable[[], Any], told: Callable[[int], list[tuple[bytes, bytes, bytes]]]) -> None:
        self.told = told
        self._make = writer
        self._made: list[Any] = []

    def writer(self) -> Any:
        self._made.append(self._make())
        return self._made[-1]

    def close(self) -> None:
        for each in self._made:
            each.close()


@pytest.fixture(params=["memory", "kafka"])
def changes(request: pytest.FixtureRequest) -> Iterator[Backend]:
    if request.param == "memory":
        log = MemoryLog(3)
        made = Backend(
            log.announcer,
            lambda p: [(r.key or b"", r.value, dict(r.headers)["position"]) for r in log.read(p, 0, 99, CHANGES)],
        )
    else:
        settings: Settings = request.getfixturevalue("real_stack")
        kafka = msgspec.structs.replace(settings.kafka, partitions=3, ack_timeout_ms=10_000)
        create_topics(kafka)
        made = Backend(lambda: ChangesWriter(kafka), lambda p: _read(kafka.bootstrap, p))
    yield made
    made.close()


def _read(bootstrap: str, partition: int) -> list[tuple[bytes, bytes, bytes]]:
    """As a subscriber reads: nothing that was not committed."""
    place = TopicPartition(CHANGES, partition)
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    end, until_s = consumer.end_offsets([place])[place], time.monotonic() + WITHIN_S
    found = []
    while consumer.position(place) < end and time.monotonic() < until_s:
        found += [record for records in consumer.poll(200).values() for record in records]
    consumer.close()
    return [(record.key, record.value, dict(record.headers)["position"]) for record in found]


def test_they_are_told_in_order_with_key_and_position(changes: Backend) -> None:
    writer = changes.writer()
    assert not writer.is_open(0)
    writer.open(0)
    assert writer.is_open(0)
    writer.announce(0, [(3, b"ada", b"one"), (3, b"bob", b"two"), (9, b"ada", b"three")])
    writer.announce(0, [(12, b"ada", b"four")])
    assert changes.told(0) == [
        (b"ada", b"one", b"0:3"),
        (b"bob", b"two", b"0:3"),
        (b"ada", b"three", b"0:9"),
        (b"ada", b"four", b"0:12"),
    ]


def test_a_successor_repeats_nothing_and_goes_on_with_what_is_new(changes: Backend) -> None:
    first = changes.writer()
    first.open(1)
    first.announce(1, [(3, b"k", b"a"), (5, b"k", b"b")])
    first.close()
    second = changes.writer()
    second.open(1)
    second.announce(1, [(3, b"k", b"a"), (5, b"k", b"b")])
    second.announce(1, [(5, b"k", b"b"), (6, b"k", b"c")])
    assert [value for _key, value, _position in changes.told(1)] == [b"a", b"b", b"c"]


def test_a_former_owner_is_shut_out_and_may_learn_where_it_stands_by_opening_anew(changes: Backend) -> None:
    zombie, owner = changes.writer(), changes.writer()
    zombie.open(2)
    zombie.announce(2, [(1, b"k", b"a")])
    owner.open(2)
    owner.announce(2, [(1, b"k", b"a"), (2, b"k", b"b")])
    with pytest.raises(Unavailable):
        zombie.announce(2, [(2, b"k", b"zombie"), (3, b"k", b"zombie")])
    assert not zombie.is_open(2)
    assert [value for _key, value, _position in changes.told(2)] == [b"a", b"b"]
    zombie.open(2)
    zombie.announce(2, [(2, b"k", b"b"), (3, b"k", b"c")])
    assert [value for _key, value, _position in changes.told(2)] == [b"a", b"b", b"c"]


def test_partitions_are_apart(changes: Backend) -> None:
    one, other = changes.writer(), changes.writer()
    one.open(2)
    other.open(0)
    one.announce(2, [(100, b"k", b"x")])
    other.announce(0, [(100, b"k", b"y")])
    one.announce(2, [(101, b"k", b"z")])
    assert [value for _key, value, _position in changes.told(2)][-2:] == [b"x", b"z"]


def test_what_a_dead_owner_had_under_way_is_never_told(changes: Backend, request: pytest.FixtureRequest) -> None:
    if "kafka" not in request.node.name:
        pytest.skip("in memory nothing is under way")
    dead = changes.writer()
    dead.open(1)
    producer = dead._open[1].producer
    producer.begin_transaction()
    producer.send(CHANGES, b"half", b"k", [("position", b"1:900")], partition=1)
    producer.flush()
    owner = changes.writer()
    owner.open(1)
    owner.announce(1, [(900, b"k", b"whole")])
    assert [value for _key, value, position in changes.told(1) if position == b"1:900"] == [b"whole"]
