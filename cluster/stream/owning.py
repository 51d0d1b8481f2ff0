"""Which partitions a worker owns, and how it comes to own them and lets them go while the others go on."""

import threading
from collections.abc import Iterable

import structlog

from cluster.stream.partition import Partition
from cluster.stream.reading import Reader
from cluster.stream.sharing import Claims
from rayce.errors import InvalidArtifact
from rayce.segments.tally import Tally
from rayce.stores.interfaces import DurableProfiles

log = structlog.get_logger(__name__)


class Owning:
    """`take`, `release` and `resume` may be called from any thread and only ask; the worker's loop does it in `attend`."""

    def __init__(self, durable: DurableProfiles, reader: Reader, dead_letter_limit: int) -> None:
        self._durable = durable
        self._reader = reader
        self._dead_letter_limit = dead_letter_limit
        self._lock = threading.Lock()
        self._wanted: set[int] = set()
        self._resumed: set[int] = set()
        self.partitions: dict[int, Partition] = {}
        """Those that are owned. Belongs to the loop."""

    def take(self, partitions: Iterable[int]) -> None:
        """Own these too."""
        with self._lock:
            self._wanted.update(partitions)

    def release(self, partitions: Iterable[int]) -> None:
        """Own these no more, as soon as what is folded of them is durable."""
        with self._lock:
            self._wanted.difference_update(partitions)

    def resume(self, partitions: Iterable[int]) -> None:
        """Go on with these, should they be halted."""
        with self._lock:
            self._resumed.update(partitions)

    def claims(self) -> Claims:
        """What is owned or about to be, with the epoch as far as there is one, and what is still being let go."""
        with self._lock:
            owned = dict(self.partitions)
            wanted = {n: owned[n].epoch if n in owned else 0 for n in self._wanted}
        return Claims(wanted, [n for n in owned if n not in wanted])

    def attend(self, may_release: bool) -> None:
        """One look at what was asked for. `Unavailable` leaves the rest for the next one.

        A release begins only when nothing waits for hot memory (`may_release`): the next owner must not be overtaken.
        """
        with self._lock:
            wanted, resumed = set(self._wanted), self._resumed
            self._resumed = set()
        for partition in self.partitions.values():
            if partition.number in wanted and partition.leaving:
                partition.leaving = False
                self._read(partition)
            elif partition.number not in wanted and not partition.leaving and may_release:
                partition.leaving = True
                self._reader.pause(partition.number)
            if partition.number in resumed and partition.halted:
                partition.halted = None
                partition.circuit.reset()
                self._read(partition)
                log.info("partition_resumed", partition=partition.number, offset=partition.next)
        for number in sorted(wanted - self.partitions.keys()):
            self._acquire(number)

    def halt(self, partition: Partition, offset: int, reason: str) -> None:
        """Fold nothing more of it from `offset` on until somebody says so; the others go on."""
        partition.halted = reason
        self._reader.pause(partition.number)
        log.error("partition_halted", partition=partition.number, offset=offset, reason=reason)

    def drop(self, number: int) -> None:
        """Let it go, whatever its state: it is settled, or somebody else's."""
        with self._lock:
            self._wanted.discard(number)
            del self.partitions[number]
        self._reader.leave(number)

    def _acquire(self, number: int) -> None:
        """The epoch first: only what is read after that is sure to be the last word of the former owner."""
        lease = self._durable.acquire(number)
        at = self._reader.committed_of(number)
        partition = Partition(number, lease.epoch, _tally(number, lease.tally), max(at, 0), self._dead_letter_limit)
        self._reader.begin(number, at)
        with self._lock:
            self.partitions[number] = partition
        log.info("partition_taken", partition=number, epoch=lease.epoch, offset=partition.next)

    def _read(self, partition: Partition) -> None:
        if not partition.halted and not partition.leaving:
            self._reader.begin(partition.number, partition.next)


def _tally(number: int, encoded: bytes) -> Tally:
    """A tally that cannot be read must not stop the stream: it is begun anew, and says so."""
    try:
        return Tally.from_bytes(encoded)
    except InvalidArtifact as error:
        log.error("tally_lost", partition=number, reason=str(error))
        return Tally()
