"""Durable memory of a process that is killed in the middle."""

from collections.abc import Callable, Iterable, Mapping

from jobs.job import Job, Outcome, run
from rayce.stores.memory import MemoryDurable


def die_in(
    work: Callable[[Job], Outcome],
    make: Callable[[MemoryDurable], Job],
    durable: MemoryDurable,
    after_each: Callable[[], object] = lambda: None,
) -> int:
    """Runs the job again and again, killed before its first write, its second, …; returns in how many it was killed.

    The last write is the flip of the pointer: `durable` is as after the last run that was killed before it.
    """
    for calls in range(100):
        if calls and _survives(work, make, durable, calls):
            return calls
        if not calls:
            assert not _survives(work, make, durable, 0)
        after_each()
    raise AssertionError("the job never ends")


def _survives(
    work: Callable[[Job], Outcome], make: Callable[[MemoryDurable], Job], durable: MemoryDurable, calls: int
) -> bool:
    """Whether the job ends by itself; its flip of the pointer is then taken back."""
    live = dict(durable.live())
    try:
        run("mortal", work, make(Mortal(durable, calls)))
    except Killed:
        return False
    durable._live.update(live)
    return True


class Killed(BaseException):
    """What a kill looks like from inside."""


class Mortal(MemoryDurable):
    """Durable memory whose process is killed at the n-th call that writes."""

    def __init__(self, whole: MemoryDurable, calls: int) -> None:
        self.__dict__.update(whole.__dict__)
        self._left = calls

    def publish(self, name: str, files: Mapping[str, bytes], number: int | None = None) -> int:
        self._write()
        return super().publish(name, files, number)

    def make_live(self, name: str, number: int) -> None:
        self._write()
        super().make_live(name, number)

    def save_lists(self, generation: int, lists: Iterable[tuple[str, bytes]]) -> None:
        self._write()
        super().save_lists(generation, lists)

    def _write(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Killed
