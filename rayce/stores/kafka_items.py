"""The topic `rayce.items`: who changes a catalogue tells which items, and every replica hears within milliseconds."""

from collections.abc import Callable, Sequence

from rayce.item_changes import ItemChange, decode_item_change
from rayce.settings import KafkaSettings
from rayce.stores.interfaces import ITEMS
from rayce.stores.kafka_listening import TopicListener


class ItemChangesReader(TopicListener):
    """Hears each change from the moment that it says that some may have been missed: at first, and after it lost its place."""

    def __init__(
        self, settings: KafkaSettings, told: Callable[[Sequence[ItemChange]], None], missed: Callable[[], None]
    ) -> None:
        """What was told before `missed` is called was durable before: whoever reads then sees it."""

        def heard(values: list[bytes]) -> None:
            if changes := [change for value in values if (change := decode_item_change(value)) is not None]:
                told(changes)

        super().__init__(settings, ITEMS, heard, missed)
