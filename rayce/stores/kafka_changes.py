"""Announces changes of segments in Kafka transactions: each partition's records and the position they reach, all or nothing.

The position is an offset of `rayce.events`, kept for the group `rayce.stream.changes`. Each partition has a transactional id of
its own: opening it ends what a former owner had under way and shuts him out, and only then is the position read
(docs/decisions/0008 says why not one for the whole worker).
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from rayce.errors import Unavailable
from rayce.settings import KafkaSettings
from rayce.stores.interfaces import CHANGES, EVENTS
from rayce.stores.kafka_log import LogWriter, connection

GROUP = "rayce.stream.changes"
TRANSACTIONAL_ID = "rayce.changes.{partition}"

Announced = Sequence[tuple[int, bytes, bytes]]
"""Offset of the causing event, key, value."""


class _Open(NamedTuple):
    producer: KafkaProducer
    position: int


class ChangesWriter:
    """See `cluster.stream.announcing.Announcer`. After a failure a partition is closed; opened anew it says what was done."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._timeout_s = settings.ack_timeout_ms / 1000
        self._open: dict[int, _Open] = {}

    def is_open(self, partition: int) -> bool:
        """Whether we are the one who announces for the partition."""
        return partition in self._open

    def open(self, partition: int) -> None:
        """Become the one who announces for the partition: whoever was is shut out."""
        self.leave(partition)
        self._within(partition, lambda: self._connect(partition))

    def announce(self, partition: int, announcements: Announced) -> None:
        """Write those that were not written before, and move the position, all or nothing."""
        producer, position = self._open[partition]
        new = [announcement for announcement in announcements if announcement[0] >= position]
        if not new:
            return
        reached = new[-1][0] + 1
        self._within(partition, lambda: self._write(producer, partition, new, reached))
        self._open[partition] = _Open(producer, reached)

    def leave(self, partition: int) -> None:
        """Let a partition's connection go; a transaction that is under way comes to nothing."""
        former = self._open.pop(partition, None)
        if former is not None:
            with suppress(
                KafkaError
            ):  # whether it goes in order does not matter: nothing counts that was not committed
                former.producer.close(timeout=0)

    def close(self) -> None:
        """Let all go."""
        for partition in list(self._open):
            self.leave(partition)

    def _connect(self, partition: int) -> None:
        producer = KafkaProducer(
            **connection(self._settings),
            transactional_id=TRANSACTIONAL_ID.format(partition=partition),
            acks="all",
            compression_type="lz4",
            retry_backoff_ms=5,
            max_block_ms=self._settings.ack_timeout_ms,
            delivery_timeout_ms=self._settings.ack_timeout_ms,
            request_timeout_ms=self._settings.ack_timeout_ms - 1,
        )
        self._open[partition] = _Open(producer, 0)
        producer.init_transactions()
        self._open[partition] = _Open(producer, self._position(partition))

    def _position(self, partition: int) -> int:
        """Where the announcements stand. To be asked after `init_transactions`: before, one may still be under way."""
        consumer = KafkaConsumer(**connection(self._settings), group_id=GROUP, enable_auto_commit=False)
        try:
            found = consumer.committed(TopicPartition(EVENTS, partition))
        finally:
            consumer.close(autocommit=False)
        return 0 if found is None else int(getattr(found, "offset", found))

    @staticmethod
    def _write(producer: KafkaProducer, partition: int, announcements: Announced, reached: int) -> None:
        producer.begin_transaction()
        for offset, key, value in announcements:
            headers = [("position", f"{partition}:{offset}".encode())]
            producer.send(CHANGES, value, key, headers, partition=partition)
        offsets = {TopicPartition(EVENTS, partition): OffsetAndMetadata(reached, "", -1)}
        producer.send_offsets_to_transaction(offsets, GROUP)
        producer.commit_transaction()

    def _within(self, partition: int, act: Callable[[], None]) -> None:
        """Do it, in time. In a thread of its own, as kafka-python waits for the end of a transaction without limit."""
        failure: list[Exception] = []

        def run() -> None:
            try:
                act()
            except Exception as error:  # told below; whatever it is, what was written is open until it is looked up
                failure.append(error)

        acting = threading.Thread(target=run, name="kafka-transaction", daemon=True)
        acting.start()
        acting.join(2 * self._timeout_s)
        if failure or acting.is_alive():
            self.leave(partition)
            reason = str(failure[0]) or type(failure[0]).__name__ if failure else "the transaction did not end in time"
            raise Unavailable("kafka", reason)


class PlainChangesWriter:
    """The same for brokers without transactions (the stand-in): what a crash interrupts is announced again."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer

    def is_open(self, partition: int) -> bool:
        """There is nothing to open."""
        return True

    def open(self, partition: int) -> None:
        """There is nothing to open."""

    def announce(self, partition: int, announcements: Announced) -> None:
        """Write them; the header `position` lets a subscriber drop what he has seen."""
        for offset, key, value in announcements:
            self._writer.write_now(CHANGES, value, [("position", f"{partition}:{offset}".encode())], key)

    def leave(self, partition: int) -> None:
        """There is nothing to let go."""

    def close(self) -> None:
        """There is nothing to let go."""
