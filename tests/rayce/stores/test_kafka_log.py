"""The log in Kafka when brokers are away, and when many writes of one connection fail one after another."""

import threading
from typing import Any, ClassVar

import pytest
from kafka.errors import KafkaTimeoutError

from rayce.errors import Unavailable
from rayce.settings import KafkaSettings
from rayce.stores import kafka_log
from rayce.stores.interfaces import EVENTS
from rayce.stores.kafka_log import LogWriter, create_topics
from tests.cluster.stream.world import wait_until

pytestmark = pytest.mark.anyio

NOWHERE = KafkaSettings(bootstrap="127.0.0.1:1", ack_timeout_ms=500)


class Producer:
    """Stands in for `KafkaProducer`: knows no topic until the brokers are back."""

    made: ClassVar[list["Producer"]] = []
    brokers_are_back = False

    def __init__(self, **_options: Any) -> None:
        self.closed = False
        self.made.append(self)

    def partitions_for(self, _topic: str) -> set[int]:
        if not Producer.brokers_are_back:
            raise KafkaTimeoutError
        return {0}

    def close(self, timeout: float) -> None:
        self.closed = True


@pytest.fixture
def no_brokers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_log, "CONNECT_PATIENCE_S", 0.01)
    monkeypatch.setattr(kafka_log, "RECONNECT_S", 0.001)
    monkeypatch.setattr(kafka_log, "KafkaProducer", Producer)
    monkeypatch.setattr(Producer, "made", [])
    monkeypatch.setattr(Producer, "brokers_are_back", False)


@pytest.mark.usefixtures("no_brokers")
async def test_a_writer_starts_without_brokers_and_says_so_at_each_write() -> None:
    writer = LogWriter(NOWHERE)
    assert not writer.connected()
    with pytest.raises(Unavailable, match="kafka"):
        await writer.write(EVENTS, [("k", b"v")])
    with pytest.raises(Unavailable, match="kafka"):
        writer.write_now(EVENTS, b"v")
    assert not writer.connected()
    writer.close()


@pytest.mark.usefixtures("no_brokers")
def test_it_connects_when_brokers_are_back_and_leaves_no_former_try_behind() -> None:
    writer = LogWriter(NOWHERE)
    wait_until(lambda: len(Producer.made) >= 5)
    Producer.brokers_are_back = True
    wait_until(writer.connected)
    *former, last = Producer.made
    assert all(producer.closed for producer in former) and not last.closed
    writer.close()
    assert last.closed


class Renewing(LogWriter):
    """Connects to nothing, and tells which producers it would have replaced."""

    def __init__(self) -> None:
        self.replaced: list[Any] = []
        super().__init__(NOWHERE)

    def _start_connecting(self, former: Any) -> threading.Thread:
        if former is not None:
            self.replaced.append(former)
        thread = threading.Thread(target=lambda: None)
        thread.start()
        return thread


def test_many_writes_that_fail_replace_their_producer_once_and_never_its_successor() -> None:
    writer, old, new = Renewing(), object(), object()
    writer._producer = old  # type: ignore[assignment]
    for _ in range(3):
        writer._renew(old)  # type: ignore[arg-type]
    writer._producer = new  # type: ignore[assignment]
    writer._renew(old)  # type: ignore[arg-type]
    assert writer.replaced == [old]
    assert writer._producer is new


@pytest.mark.slow  # kafka-python looks for brokers for half a minute
def test_topics_cannot_be_made_without_brokers() -> None:
    with pytest.raises(Unavailable):
        create_topics(KafkaSettings(bootstrap="127.0.0.1:1"))


def test_brokers_that_cannot_be_asked_are_left_alone() -> None:
    create_topics(KafkaSettings(bootstrap="127.0.0.1:1", api_version="2.3"))
