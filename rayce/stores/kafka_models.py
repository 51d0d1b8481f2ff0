"""The compacted topic `rayce.models`: who makes a generation live tells all, and all hear within milliseconds.

A thread of its own waits at the brokers: while nothing happens it costs a fiftieth of a percent of a core
(docs/decisions/0013).
"""

import threading
from collections.abc import Callable, Sequence

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from rayce.errors import Unavailable
from rayce.flip import Flip, decode_flip, encode_flip
from rayce.settings import KafkaSettings
from rayce.stores.interfaces import MODELS
from rayce.stores.kafka_log import LogWriter, connection

WAIT_MS, AGAIN_S = 5_000, 1.0


class FlipWriter:
    """Call it after a generation was made live. Never fails: whoever is not told finds out by himself, a little later."""

    def __init__(self, settings: KafkaSettings, now_ms: Callable[[], int], failed: Callable[[str], None]) -> None:
        """`failed` gets the reason where it could not be told."""
        self._settings = settings
        self._now_ms = now_ms
        self._failed = failed

    def __call__(self, name: str, number: int) -> None:
        """Tell all that this generation is live. Connects anew each time: flips are rare."""
        flip = Flip(name, number, self._now_ms())
        writer = LogWriter(self._settings)
        try:
            writer.write_now(MODELS, encode_flip(flip), key=name.encode())
        except Unavailable as error:
            self._failed(
                f"kafka does not answer ({error.reason}): generation {number} of {name} is noticed a little later"
            )
        finally:
            writer.close()


class FlipReader:
    """Hears every name's newest flip, from the beginning of the topic, then each as it comes; brokers that are away are waited
    for. `told` is called on the reader's own thread.
    """

    def __init__(self, settings: KafkaSettings, told: Callable[[Sequence[Flip]], None]) -> None:
        self._settings = settings
        self._told = told
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flips", daemon=True)

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
            auto_offset_reset="earliest",
            fetch_max_wait_ms=WAIT_MS,
        )
        try:
            place = TopicPartition(MODELS, 0)
            consumer.assign([place])
            consumer.seek_to_beginning(place)
            while not self._stop.is_set():
                for records in consumer.poll(timeout_ms=WAIT_MS).values():
                    flips = [flip for record in records if (flip := decode_flip(record.value)) is not None]
                    if flips:
                        self._told(flips)
        finally:
            consumer.close(autocommit=False)
