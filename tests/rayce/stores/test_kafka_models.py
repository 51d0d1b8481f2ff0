"""`rayce.models`: a flip is heard by all who listen and by who comes later; brokers that are away disturb nobody."""

import threading
import uuid

from kafka import KafkaProducer

from rayce.flip import Flip
from rayce.generations import LiveGenerations
from rayce.settings import KafkaSettings, Settings
from rayce.stores.interfaces import MODELS
from rayce.stores.kafka_log import connection, create_topics
from rayce.stores.kafka_models import FlipReader, FlipWriter
from rayce.stores.memory import MemoryDurable
from tests.cluster.stream.world import wait_until

NOWHERE = KafkaSettings(bootstrap="127.0.0.1:1", ack_timeout_ms=200)
OURS = {"flips", "kafka-connect"}


class Ears:
    """Hears what a reader tells, of one name."""

    def __init__(self, settings: KafkaSettings, name: str) -> None:
        self.numbers: list[int] = []
        self._name = name
        self.reader = FlipReader(settings, self._told)
        self.reader.start()

    def _told(self, flips: list[Flip]) -> None:  # type: ignore[override]
        self.numbers += [flip.number for flip in flips if flip.name == self._name]


def test_a_flip_is_heard_by_who_listens_and_by_who_comes_later(real_stack: Settings) -> None:
    create_topics(real_stack.kafka)
    name, told = f"t{uuid.uuid4().hex}/rules", []
    ears = Ears(real_stack.kafka, name)
    tell = FlipWriter(real_stack.kafka, lambda: 5, told.append)
    tell(name, 1)
    wait_until(lambda: ears.numbers == [1])
    tell(name, 2)
    wait_until(lambda: ears.numbers == [1, 2])
    late = Ears(real_stack.kafka, name)
    wait_until(lambda: late.numbers[-1:] == [2])
    for listening in (ears, late):
        listening.reader.stop()
    assert told == []


def test_what_is_no_flip_is_passed_over(real_stack: Settings) -> None:
    create_topics(real_stack.kafka)
    name = f"t{uuid.uuid4().hex}/rules"
    producer = KafkaProducer(**connection(real_stack.kafka))
    for value in (b"what?", b'{"name": 3}', b""):
        producer.send(MODELS, value, name.encode()).get(10)
    producer.close()
    FlipWriter(real_stack.kafka, lambda: 5, lambda reason: None)(name, 7)
    ears = Ears(real_stack.kafka, name)
    wait_until(lambda: ears.numbers == [7])
    ears.reader.stop()


def test_generations_are_taken_up_without_waiting_for_the_next_look(real_stack: Settings) -> None:
    create_topics(real_stack.kafka)
    tenant = f"t{uuid.uuid4().hex}"
    durable = MemoryDurable(FlipWriter(real_stack.kafka, lambda: 5, lambda reason: None))
    live = LiveGenerations(durable, {"rules": None}, 3_600)
    live.start()
    reader = FlipReader(real_stack.kafka, live.heard)
    reader.start()
    name = f"{tenant}/rules"
    durable.make_live(name, durable.publish(name, {}))
    wait_until(lambda: live.numbers(tenant) == {"rules": 1})
    reader.stop()
    live.stop()


def test_brokers_that_are_away_are_told_of_and_nothing_else_happens() -> None:
    before = set(threading.enumerate())
    told: list[str] = []
    FlipWriter(NOWHERE, lambda: 5, told.append)("shop/rules", 3)
    assert len(told) == 1
    assert "generation 3 of shop/rules" in told[0]
    ears = Ears(NOWHERE, "shop/rules")
    ears.reader.stop()
    wait_until(lambda: not any(thread.name in OURS for thread in set(threading.enumerate()) - before))
    assert ears.numbers == []
