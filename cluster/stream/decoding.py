"""Records into events: what cannot be decoded goes to the dead letters, or halts its partition where that is too much."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from cluster.stream.partition import Partition
from cluster.stream.reading import Record
from rayce.errors import UndecodableEvent
from rayce.event import Event, decode_event

Entry = tuple[Record, Event]
"""A record and the event in it."""

DeadLetter = tuple[Record, str]
"""A record that cannot be worked off, and why."""


class Batch(NamedTuple):
    """Decoded records in order of each partition, the dead among them, and by partition how many and the next offset."""

    entries: list[Entry]
    dead: list[DeadLetter]
    counts: dict[int, int]
    reached: dict[int, int]

    def without(self, partition: int) -> "Batch":
        """What is not of the partition."""
        return Batch(
            [entry for entry in self.entries if entry[0].partition != partition],
            [letter for letter in self.dead if letter[0].partition != partition],
            {p: count for p, count in self.counts.items() if p != partition},
            {p: at for p, at in self.reached.items() if p != partition},
        )


Halt = Callable[[Partition, int, str], None]
"""Told which partition has too many dead letters, the offset of the one too many, and why that could not be worked off."""


def decode_batch(found: Mapping[int, Sequence[Record]], owned: Mapping[int, Partition], halt: Halt) -> Batch:
    """Where a partition's dead letters become too many, it is halted and its part ends before the one too many."""
    batch = Batch([], [], {}, {})
    for number, records in found.items():
        partition = owned.get(number)
        if partition is None or partition.halted or not records:
            continue
        count = _decode(records, partition, batch, halt)
        if count:
            batch.counts[number] = count
            batch.reached[number] = records[count - 1].offset + 1
    return batch


def _decode(records: Sequence[Record], partition: Partition, batch: Batch, halt: Halt) -> int:
    """How many were decoded or died, before the one that was too many."""
    entries = batch.entries
    for count, record in enumerate(records):
        try:
            entries.append((record, decode_event(record.value or b"")))
        except UndecodableEvent as error:
            if not partition.circuit.admits():
                halt(partition, record.offset, str(error))
                return count
            batch.dead.append((record, str(error)))
    return len(records)
