"""Workers that break one promise, for negative controls: what never fails proves nothing."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import Save, StoredProfile


def without_watermark() -> None:
    """Nobody notes, or asks, up to which event a profile is folded. Epochs and conditional writes work as ever."""
    load, save = DynamoStore.load_profiles, DynamoStore.save_profiles

    def forgetful(self: DynamoStore, persons: Collection[str]) -> dict[str, StoredProfile]:
        return {person: found._replace(partition=-1, offset=-1) for person, found in load(self, persons).items()}

    def careless(self: DynamoStore, partition: int, epoch: int, saves: Sequence[Save], *more: Any) -> None:
        # The moment stands in for the offset: always newer, so the store does not refuse what was replayed.
        save(self, partition, epoch, [each._replace(offset=time.time_ns()) for each in saves], *more)

    DynamoStore.load_profiles = forgetful  # type: ignore[method-assign]
    DynamoStore.save_profiles = careless  # type: ignore[method-assign]


MUTANTS: dict[str, Callable[[], None]] = {"without_watermark": without_watermark}
"""By name; called once in the process that shall be broken."""
