"""The event log as benchmarks use it: filled fast, and asked how far the workers have come."""

import time
from collections.abc import Callable, Iterable
from zlib import crc32

from confluent_kafka import Producer

from rayce.event import Event, encode_event
from rayce.settings import KafkaSettings
from rayce.stores.interfaces import EVENTS
from rayce.stores.kafka_log import LogReader


class EventLog:
    """The topic of events on real brokers, by librdkafka: the filling shall not be what is measured."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.partitions = settings.partitions
        """How many the topic has."""
        self._producer = Producer(
            {
                "bootstrap.servers": settings.bootstrap,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 20,
                "queue.buffering.max.messages": 2_000_000,
                "log_level": 2,
            }
        )
        self._reader = LogReader(settings, list(range(settings.partitions)))
        self._refused = 0

    def partition_of(self, person: str) -> int:
        """All events of a person are in one partition."""
        return crc32(person.encode()) % self.partitions

    def fill(self, events: Iterable[Event]) -> int:
        """Write all; returns how many. Raises `RuntimeError` where one was not acknowledged."""
        count = 0
        for count, event in enumerate(events, 1):
            self._producer.produce(
                EVENTS,
                encode_event(event),
                event.person.encode(),
                self.partition_of(event.person),
                on_delivery=self._settle,
            )
            if count % 1_000 == 0:
                self._producer.poll(0)
        waiting = self._producer.flush(120)
        if waiting or self._refused:
            raise RuntimeError(f"{waiting} events not acknowledged in time, {self._refused} refused")
        return count

    def ends(self) -> dict[int, int]:
        """Offset after the last record, by partition; those never written to are left out."""
        return {partition: end for partition, end in self._reader.end().items() if end}

    def committed(self) -> dict[int, int]:
        """Committed position by partition."""
        return self._reader.committed()

    def lag(self) -> int:
        """Events that are not durable yet, for all that is known."""
        committed = self.committed()
        return sum(end - max(0, committed[partition]) for partition, end in self.ends().items())

    def wait_until_worked_off(
        self, patience_s: float, say: Callable[[int], None] = lambda lag: None, every_s: float = 0.1
    ) -> None:
        """Until everything is committed. `TimeoutError` where nothing has moved for `patience_s`."""
        ends = self.ends()
        before, moved_s = self.committed(), time.monotonic()
        told_s = moved_s
        while any(before[partition] < end for partition, end in ends.items()):
            time.sleep(every_s)
            now = self.committed()
            if now != before:
                before, moved_s = now, time.monotonic()
            if time.monotonic() - moved_s > patience_s:
                raise TimeoutError(f"nothing was committed for {patience_s:g} s; committed {before}, ends {ends}")
            if time.monotonic() - told_s > 10:
                told_s = time.monotonic()
                say(sum(end - before[partition] for partition, end in ends.items()))

    def close(self) -> None:
        """Let the brokers go."""
        self._reader.close()

    def _settle(self, error: object, _message: object) -> None:
        self._refused += error is not None
