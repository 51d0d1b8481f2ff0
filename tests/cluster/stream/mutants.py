"""Worlds in which one promise of the stream is broken. The state machine of `test_exactly_once.py` has to find each."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from unittest.mock import patch

from cluster.stream.worker import Worker
from rayce.segments.catalogue import Catalogue
from rayce.stores.interfaces import Lease, Record, Save, Shown, StoredProfile
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot
from rayce.stores.memory_log import MemoryLog, MemoryLogReader
from tests.cluster.stream.world import PARTITIONS, World


class EagerReader(MemoryLogReader):
    """Commits what it gives, as a consumer with automatic commits does."""

    def fetch(self, timeout_ms: int) -> Mapping[int, Sequence[Record]]:
        found = super().fetch(timeout_ms)
        self._log.committed.update({partition: records[-1].offset + 1 for partition, records in found.items()})
        return found


class EagerLog(MemoryLog):
    def reader(self, partitions: Sequence[int] = (), max_records: int = 500) -> MemoryLogReader:
        return EagerReader(self, partitions, max_records)


class CommittedBeforeDurable(World):
    """The order of commit is swapped: the position is committed before the state is durable."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        super().__init__(catalogue)
        self.log = EagerLog(PARTITIONS)


class UnfencedDurable(MemoryDurable):
    def save_profiles(self, partition: int, epoch: int, saves: Sequence[Save], tally: bytes | None = None) -> None:
        for save in saves:
            self._profiles.pop(save.person, None)
        super().save_profiles(partition, self._epochs[partition], saves, tally)


class ConditionDropped(World):
    """Whoever saves is believed: neither the owner's epoch nor the watermark is looked at."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        super().__init__(catalogue)
        self.durable = UnfencedDurable()


class ForgetfulDurable(MemoryDurable):
    def load_profiles(self, persons: Collection[str]) -> dict[str, StoredProfile]:
        found = super().load_profiles(persons)
        return {person: stored._replace(partition=-1, offset=-1) for person, stored in found.items()}


class WatermarkNotRead(World):
    """A successor does not learn up to which event a profile is folded."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        super().__init__(catalogue)
        self.durable = ForgetfulDurable()


class DeafHot(MemoryHot):
    def show(self, rows: Sequence[Shown]) -> None:
        super().show(rows[:-1])


class NotShown(World):
    """Of each batch the last person is not shown."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        super().__init__(catalogue)
        self.hot = DeafHot()


class NeverInDoubt(World):
    """Who has slept for long does not notice, and shows what it knew before."""

    def worker(self, *given: Any, **more: Any) -> Worker:
        return super().worker(*given, **{**more, "clock": lambda: 0.0})


class RepeatingLog(MemoryLog):
    def open_changes(self, partition: int) -> tuple[int, int]:
        return super().open_changes(partition)[0], 0


class AnnouncedAgain(World):
    """A successor does not learn which changes of membership were announced."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        super().__init__(catalogue)
        self.log = RepeatingLog(PARTITIONS)


class TallylessDurable(MemoryDurable):
    def acquire(self, partition: int) -> Lease:
        return super().acquire(partition)._replace(tally=b"")


class TallyLost(World):
    """A successor does not learn how many are in each segment."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        super().__init__(catalogue)
        self.durable = TallylessDurable()


class DedupeOff(World):
    """An event counts each time it is in the log; the world's own expectation is as wrong, so only the ids can tell."""

    @staticmethod
    def broken() -> AbstractContextManager[object]:
        return patch("rayce.fold.counted", lambda ids, digest: False)


MUTANTS: tuple[type[World], ...] = (
    CommittedBeforeDurable,
    ConditionDropped,
    WatermarkNotRead,
    NotShown,
    NeverInDoubt,
    AnnouncedAgain,
    TallyLost,
    DedupeOff,
)


def breaking(kind: type[World]) -> AbstractContextManager[object]:
    """While open, what the mutant breaks outside of its own objects is broken."""
    return DedupeOff.broken() if kind is DedupeOff else nullcontext()
