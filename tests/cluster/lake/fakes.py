"""A log in memory that forgets its oldest records when told to, as the lake's writer reads it."""

from collections.abc import Mapping
from pathlib import Path

from cluster.lake.appending import Appending
from rayce.errors import Unavailable
from rayce.lake.records import Chunk, Origin
from rayce.lake.settings import LakeSettings
from rayce.lake.table import LakeTable
from rayce.stores.memory_hot import MemoryHot
from tests.rayce.lake.lakes import encoded


class FakeLog:
    """Partitions of records; `low` is the first offset that is still there."""

    def __init__(self, partitions: int = 2) -> None:
        self.records: dict[int, list[bytes]] = {number: [] for number in range(partitions)}
        self.low = dict.fromkeys(range(partitions), 0)
        self.holes: set[tuple[int, int]] = set()
        self.away = False

    def write(self, partition: int, values: list[bytes]) -> None:
        self.records[partition] += values

    def reader(self, at_once: int = 7) -> "FakeSource":
        return FakeSource(self, at_once)


class FakeSource:
    """See `cluster.lake.source.Source`."""

    def __init__(self, log: FakeLog, at_once: int) -> None:
        self._log = log
        self._at_once = at_once
        self._next: dict[int, int] = {}
        self.closed = False

    def _answer(self) -> None:
        if self._log.away:
            raise Unavailable("kafka", "switched away")

    def bounds(self) -> dict[int, tuple[int, int]]:
        self._answer()
        return {number: (self._log.low[number], len(values)) for number, values in self._log.records.items()}

    def begin(self, starts: Mapping[int, int]) -> None:
        self._next = dict(starts)

    def fetch(self, timeout_s: float) -> list[Chunk]:
        self._answer()
        found = []
        for number, at in self._next.items():
            if at < self._log.low[number]:
                raise Unavailable("kafka", "offset out of range")
            values = self._log.records[number][at : at + self._at_once]
            there = [n for n in range(at, at + len(values)) if (number, n) not in self._log.holes]
            if there:
                chosen = [self._log.records[number][n] for n in there]
                found.append(Chunk(number, there, chosen, lambda _: Origin(None, 1_700_000_000_000)))
            self._next[number] = at + len(values)
        return found

    def ends(self) -> dict[int, int]:
        return {number: len(values) for number, values in self._log.records.items()}

    def close(self) -> None:
        self.closed = True


class FakeClock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class FakeHot(MemoryHot):
    """Keeps what it was told last."""


def appending(folder: Path, log: FakeLog, clock: FakeClock, name: str = "events", **changes: object) -> Appending:
    settings = LakeSettings(**{"path": str(folder / "lake"), "flush_rows": 20, **changes})  # type: ignore[arg-type]
    return Appending(name, settings, log.reader(), len(log.records), clock, LakeTable)


def filled_log() -> FakeLog:
    log = FakeLog()
    log.write(0, encoded(range(40)))
    log.write(1, encoded(range(100, 133)))
    return log
