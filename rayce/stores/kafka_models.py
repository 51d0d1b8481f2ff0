"""The compacted topic `rayce.models`: who makes a generation live tells all, and all hear within milliseconds."""

from collections.abc import Callable, Sequence

from rayce.errors import Unavailable
from rayce.flip import Flip, decode_flip, encode_flip
from rayce.settings import KafkaSettings
from rayce.stores.interfaces import MODELS
from rayce.stores.kafka_listening import TopicListener
from rayce.stores.kafka_log import LogWriter


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


class FlipReader(TopicListener):
    """Hears every name's newest flip, from the beginning of the topic, then each as it comes; brokers that are away are waited
    for. `told` is called on the reader's own thread.
    """

    def __init__(self, settings: KafkaSettings, told: Callable[[Sequence[Flip]], None]) -> None:
        def heard(values: list[bytes]) -> None:
            if flips := [flip for value in values if (flip := decode_flip(value)) is not None]:
                told(flips)

        super().__init__(settings, MODELS, heard)
