"""The topic `rayce.items`: who changes a catalogue tells which items, and every replica hears within milliseconds.

A thread of its own waits at the brokers, as for flips (`rayce.stores.kafka_models`).
"""

import threading
from collections.abc import Callable, Sequence

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from rayce.item_changes import ItemChange, decode_item_change
from rayce.settings import KafkaSettings
from rayce.stores.interfaces import ITEMS
from rayce.stores.kafka_log import connection

WAIT_MS, AGAIN_S = 5_000, 1.0


class ItemChangesReader:
    """Hears each change from the moment that it says that some may have been missed: at first, and after it lost its place.

    Between two polls, and while brokers are away, its place is kept, so that nothing is missed. Both callbacks are called on
    the reader's own thread.
    """

    def __init__(
        self, settings: KafkaSettings, told: Callable[[Sequence[ItemChange]], None], missed: Callable[[], None]
    ) -> None:
        self._settings, self._told, self._missed = settings, told, missed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="item-changes", daemon=True)

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
            bootstrap_timeout_ms=WAIT_MS,
            metrics_enabled=False,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",  # a place that is gone is an error: begun anew, and said
            fetch_max_wait_ms=WAIT_MS,
        )
        try:
            place = TopicPartition(ITEMS, 0)
            consumer.assign([place])
            consumer.seek(place, consumer.end_offsets([place])[place])
            self._missed()  # what was told before was durable before: whoever reads now sees it
            while not self._stop.is_set():
                for records in consumer.poll(timeout_ms=WAIT_MS).values():
                    changes = [change for record in records if (change := decode_item_change(record.value)) is not None]
                    if changes:
                        self._told(changes)
        finally:
            consumer.close(autocommit=False)
