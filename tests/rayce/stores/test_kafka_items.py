"""`rayce.items`: who listens hears what is told from the moment it says so; brokers that are away disturb nobody."""

import asyncio
import threading
import uuid

from rayce.item_changes import ItemChange, encode_item_change
from rayce.settings import KafkaSettings, Settings
from rayce.stores.interfaces import ITEMS
from rayce.stores.kafka_items import ItemChangesReader
from rayce.stores.kafka_log import LogWriter, create_topics
from tests.cluster.stream.world import wait_until

NOWHERE = KafkaSettings(bootstrap="127.0.0.1:1", ack_timeout_ms=300)


class Ears:
    """What one process hears of one tenant."""

    def __init__(self, settings: KafkaSettings, tenant: str) -> None:
        self.heard: list[str] = []
        self.missed = 0
        self._tenant = tenant
        self.reader = ItemChangesReader(settings, self._told, self._may_have_missed)
        self.reader.start()

    def _told(self, changes: list[ItemChange]) -> None:  # type: ignore[override]
        self.heard += [item for change in changes if change.tenant == self._tenant for item in change.items]

    def _may_have_missed(self) -> None:
        self.missed += 1


def test_what_is_told_is_heard_by_all_who_listen(real_stack: Settings) -> None:
    create_topics(real_stack.kafka)
    tenant = f"t{uuid.uuid4().hex}"
    both = [Ears(real_stack.kafka, tenant) for _ in range(2)]
    wait_until(lambda: all(ears.missed == 1 for ears in both))
    writer = LogWriter(real_stack.kafka)

    async def tell(*records: bytes) -> None:
        await writer.write(ITEMS, [(tenant, record) for record in records])

    asyncio.run(tell(encode_item_change(ItemChange(tenant, ("p1", "p2"))), b"what?", b'{"tenant": 3}'))
    asyncio.run(tell(encode_item_change(ItemChange(tenant, ("p3",)))))
    wait_until(lambda: all(ears.heard == ["p1", "p2", "p3"] for ears in both))
    late = Ears(real_stack.kafka, tenant)
    wait_until(lambda: late.missed == 1)
    asyncio.run(tell(encode_item_change(ItemChange(tenant, ("p4",)))))
    wait_until(lambda: late.heard == ["p4"])
    writer.close()
    for ears in (*both, late):
        ears.reader.stop()


def test_brokers_that_are_away_are_waited_for() -> None:
    before = set(threading.enumerate())
    ears = Ears(NOWHERE, "shop")
    ears.reader.stop()
    wait_until(lambda: not any(t.name == "item-changes" for t in set(threading.enumerate()) - before))
    assert (ears.heard, ears.missed) == ([], 0)
