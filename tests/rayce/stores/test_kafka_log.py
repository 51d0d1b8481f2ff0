"""The log in Kafka when brokers are away, and when many writes of one connection fail one after another."""

import threading
from typing import Any

import pytest

from rayce.errors import Unavailable
from rayce.settings import KafkaSettings
from rayce.stores import kafka_log
from rayce.stores.interfaces import EVENTS
from rayce.stores.kafka_log import LogWriter, create_topics

pytestmark = pytest.mark.anyio

NOWHERE = KafkaSettings(bootstrap="127.0.0.1:1", ack_timeout_ms=500)


async def test_a_writer_starts_without_brokers_and_says_so_at_each_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_log, "CONNECT_PATIENCE_S", 0.01)
    writer = LogWriter(NOWHERE)
    assert not writer.connected()
    with pytest.raises(Unavailable, match="kafka"):
        await writer.write(EVENTS, [("k", b"v")])
    with pytest.raises(Unavailable, match="kafka"):
        writer.write_now(EVENTS, b"v")
    assert not writer.connected()
    writer.close()


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
