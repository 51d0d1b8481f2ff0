"""A topic of one partition that everybody hears: a thread of its own waits at the brokers.

While nothing happens it costs a fiftieth of a percent of a core (docs/decisions/0013).
"""

import threading
from collections.abc import Callable

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from rayce.settings import KafkaSettings
from rayce.stores.kafka_log import connection

WAIT_MS, AGAIN_S = 5_000, 1.0


class TopicListener:
    """Hears all that is in the topic, or with `began` all that comes from the moment of that call on, which is made each time
    that the place was lost (at first, and when what comes next is gone).

    Between two polls, and while brokers are away, its place is kept. Both callbacks are called on the listener's own thread.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        told: Callable[[list[bytes]], None],
        began: Callable[[], None] | None = None,
    ) -> None:
        self._settings, self._topic, self._told, self._began = settings, topic, told, began
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=topic, daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End; what it is waiting for ends by itself, `WAIT_MS` later at most."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._read()
            except (KafkaError, OSError):
                self._stop.wait(AGAIN_S)

    def _read(self) -> None:
        consumer = KafkaConsumer(
            **connection(self._settings),
            bootstrap_timeout_ms=WAIT_MS,  # asked again by us; who stops is not kept for the client's half minute
            metrics_enabled=False,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none"
            if self._began
            else "earliest",  # none: a place that is gone is an error, begun anew
            fetch_max_wait_ms=WAIT_MS,
        )
        try:
            place = TopicPartition(self._topic, 0)
            consumer.assign([place])
            if self._began is None:
                consumer.seek_to_beginning(place)
            else:
                consumer.seek(place, consumer.end_offsets([place])[place])
                self._began()
            while not self._stop.is_set():
                for records in consumer.poll(timeout_ms=WAIT_MS).values():
                    self._told([record.value for record in records])
        finally:
            consumer.close(autocommit=False)
