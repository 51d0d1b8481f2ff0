"""Makes durable what is due of one partition, in an order that a crash cannot turn into a loss or a repetition.

Changes of membership are announced first: a profile that is durable is past the event that changed it, so afterwards nobody
would know any more what there was to announce. That they are not announced again is the announcer's promise.
Then the profiles are saved, each chunk together with the tally that counts it.
"""

from collections.abc import Callable, Iterator, Sequence

from cluster.stream.announcing import Announcer, as_announcements
from cluster.stream.folding import Due, Move
from cluster.stream.partition import Partition
from rayce.errors import Fenced
from rayce.segments.tally import Tally
from rayce.stores.interfaces import MAX_SAVE_BYTES, MAX_SAVES, DurableProfiles, Save

TALLY_BYTES = 400_000
"""Room for the tally: no item of DynamoDB is larger."""

Chunk = tuple[Sequence[Save], bytes | None]
"""Saves, and the tally after them; None where they do not change it."""


class Saving:
    """Where it has come to; `proceed` goes on from there, so what a store has refused for a while is tried again as it was."""

    def __init__(
        self,
        partition: Partition,
        due: Due,
        durable: DurableProfiles,
        announcer: Announcer | None,
        now_ms: Callable[[], int],
    ) -> None:
        self.partition = partition
        self._due = due
        self._durable = durable
        self._announcer = announcer
        self._announced = not due.changes
        self._chunks = _chunks_of(due, partition.tally, now_ms)
        self._chunk: Chunk | None = None
        self.fenced: Fenced | None = None
        """Somebody else owns the partition: what was due is his to do."""

    def proceed(self) -> None:
        """Do what is left to do. `Unavailable` where a store does not answer: call again."""
        if self.fenced:
            return
        try:
            if not self._announced:
                self._announce()
                self._announced = True
            if not self._due.saves:
                self._make_sure()
            while self._chunk or self._next():
                assert self._chunk is not None
                self._durable.save_profiles(self.partition.number, self.partition.epoch, *self._chunk)
                self.partition.durable_tally = self._chunk[1] or self.partition.durable_tally
                self._chunk = None
        except Fenced as error:
            self.fenced = error

    def _next(self) -> bool:
        self._chunk = next(self._chunks, None)
        return self._chunk is not None

    def _announce(self) -> None:
        if self._announcer is None:
            return
        number = self.partition.number
        if not self._announcer.is_open(number):
            self._make_sure()  # opening shuts out whoever has it open: only the owner may do that
            self._announcer.open(number)
        self._announcer.announce(number, as_announcements(self._due.changes))
        self.partition.changes += len(self._due.changes)

    def _make_sure(self) -> None:
        """`Fenced` where the partition is not ours any more."""
        self._durable.save_profiles(self.partition.number, self.partition.epoch, (), self.partition.durable_tally)


def _chunks_of(due: Due, tally: Tally, now_ms: Callable[[], int]) -> Iterator[Chunk]:
    """What to save, in order; changes the tally on the way. Who moved comes first, so that few chunks carry a tally."""
    moves = due.moves
    still = [save for save in due.saves if save.person not in moves] if moves else due.saves
    if moves:
        tally.prune(now_ms())
        for chunk in _cut([save for save in due.saves if save.person in moves]):
            for save in chunk:
                _count(tally, moves[save.person], now_ms())
            yield chunk, tally.to_bytes()
    if still:
        yield still, None


def _count(tally: Tally, move: Move, now_ms: int) -> None:
    before, after = move.before, move.after
    tally.change(before.flags, before.short_lived, after.flags, after.short_lived, now_ms, move.tenant)


def _cut(saves: Sequence[Save]) -> Iterator[list[Save]]:
    """In lists that are durable at once."""
    chunk: list[Save] = []
    size = TALLY_BYTES
    for save in saves:
        size += len(save.state)
        if chunk and (len(chunk) == MAX_SAVES or size > MAX_SAVE_BYTES):
            yield chunk
            chunk, size = [], TALLY_BYTES + len(save.state)
        chunk.append(save)
    if chunk:
        yield chunk
