"""What a worker knows of a partition that it owns."""

from cluster.stream.circuit import Circuit
from rayce.segments.tally import Tally


class Partition:
    """Positions are offsets of the next record: to fold (`next`), not yet durable (`durable_next`), as committed.

    Always `committed <= durable_next <= next`. The tallies and `changes` belong to the flusher, all
    else to the worker's loop.
    """

    def __init__(self, number: int, epoch: int, tally: Tally, position: int, dead_letter_limit: int) -> None:
        self.number = number
        self.epoch = epoch
        self.tally = tally
        self.durable_tally = tally.to_bytes()
        """As it was last made durable."""
        self.next = self.durable_next = self.committed = position
        self.circuit = Circuit(dead_letter_limit)
        self.events = 0
        self.dead_letters = 0
        self.changes = 0
        self.halted: str | None = None
        """Why nothing more of it is folded until somebody says so: too many dead letters."""
        self.leaving = False
        """Whether it is being let go: nothing more of it is read."""

    @property
    def settled(self) -> bool:
        """Whether everything folded is durable and committed."""
        return self.next == self.durable_next == self.committed
