"""The walk over hot memory: everybody whose flags have ended is trimmed, once, and nobody else is touched."""

import asyncio

import pytest

from rayce.errors import Unavailable
from rayce.profile import Profile
from rayce.segments.flags import lean_flags, pack_flags
from rayce.segments.listing import Listing
from rayce.stores.interfaces import HotBuckets, Kept, Lean, Shown
from rayce.stores.memory_hot import MemoryHot
from rayce.trimming import AT_ONCE, Trimmed, drop_lists, trim_buckets
from tests.samples import person

NOW_S = 1_767_225_600


def flags_of(n: int) -> bytes:
    """Every third has flags that have ended, every third some that have not, every third none."""
    until = ((), (NOW_S,), (NOW_S, NOW_S + 1))[n % 3]
    return pack_flags(Profile(last_ms=NOW_S * 1000, flags=n, short_lived=tuple(enumerate(until, 100))))


def filled(people: int = 30) -> MemoryHot:
    hot = MemoryHot()
    hot.show([Shown(person(n), b"s", flags_of(n), None, Listing("shop", (0, 2))) for n in range(people)])
    return hot


def flags(hot: MemoryHot, people: int = 30) -> list[bytes | None]:
    return [row.value for row in asyncio.run(hot.read_flags([person(n) for n in range(people)]))]


class Cut:
    """The same people in many buckets; remembers who asked for which."""

    def __init__(self, hot: MemoryHot, buckets: int) -> None:
        self._hot, self.buckets = hot, buckets
        self.asked: list[int] = []

    def read_buckets(self, numbers: range) -> list[Kept]:
        self.asked += numbers
        return [each for n, each in enumerate(self._hot.read_buckets([0])) if n % self.buckets in numbers]

    def trim(self, rows: list[Lean]) -> int:
        return self._hot.trim(rows)

    def drop_list(self, tenant: str, bit: int) -> int:
        return self._hot.drop_list(tenant, bit)


def cut(hot: MemoryHot, buckets: int) -> HotBuckets:
    return Cut(hot, buckets)  # type: ignore[return-value]


@pytest.mark.parametrize("buckets", [1, AT_ONCE, 2 * AT_ONCE + 3])
def test_everybody_reads_the_same_afterwards_in_fewer_bytes(buckets: int) -> None:
    hot = filled()
    assert trim_buckets(cut(hot, buckets), 0, NOW_S) == Trimmed(30, 20)
    assert flags(hot) == [lean_flags(flags_of(n), NOW_S) for n in range(30)]
    assert trim_buckets(cut(hot, buckets), 0, NOW_S) == Trimmed(30, 0), "there is nothing left to do"


def test_what_has_not_ended_stays() -> None:
    hot = filled()
    assert trim_buckets(hot, 0, NOW_S - 1) == Trimmed(30, 0)
    assert flags(hot) == [flags_of(n) for n in range(30)]


def test_it_says_where_it_is_and_goes_on_from_there() -> None:
    hot, said = cut(filled(), 2 * AT_ONCE + 3), list[tuple[int, int]]()
    trim_buckets(hot, 0, NOW_S, lambda following, so_far: said.append((following, so_far.people)))
    assert [following for following, _people in said] == [AT_ONCE, 2 * AT_ONCE, 2 * AT_ONCE + 3]
    hot.asked.clear()  # type: ignore[attr-defined]
    trim_buckets(hot, 2 * AT_ONCE, NOW_S)
    assert hot.asked == [2 * AT_ONCE, 2 * AT_ONCE + 1, 2 * AT_ONCE + 2]  # type: ignore[attr-defined]


def test_a_row_that_a_worker_writes_meanwhile_stays() -> None:
    hot, newer = filled(), pack_flags(Profile(flags=99, last_ms=NOW_S * 1000 + 5000))
    read = hot.read_buckets

    def late(numbers: range) -> list[Kept]:
        found = read(numbers)
        hot.show([Shown(person(1), b"newer", newer)])
        return found

    hot.read_buckets = late  # type: ignore[method-assign,assignment]
    assert trim_buckets(hot, 0, NOW_S) == Trimmed(30, 19)
    assert flags(hot)[1] == newer


def test_lists_that_no_segment_keeps_are_dropped_and_the_others_stay() -> None:
    hot = filled()
    assert drop_lists(hot, ["shop", "other"], [2, 5]) == 1
    assert asyncio.run(hot.read_members("shop", 2, "", 99)).people == []
    assert len(asyncio.run(hot.read_members("shop", 0, "", 99)).people) == 15


def test_hot_memory_that_is_away_is_told() -> None:
    hot = filled()
    hot.away = True
    with pytest.raises(Unavailable):
        trim_buckets(hot, 0, NOW_S)
