"""Trimming by a worker: what has ended goes, a few at a time, never of who was shown of late, and never over newer flags."""

import asyncio

import pytest

from cluster.stream.showing import RECENT_S, Showing
from cluster.stream.trimming import BATCH, EVERY_S, Trimming
from rayce.errors import Unavailable
from rayce.profile import Profile
from rayce.segments.flags import pack_flags
from rayce.stores.interfaces import Shown
from rayce.stores.memory_hot import MemoryHot
from tests.cluster.stream import test_showing as showing_test
from tests.cluster.stream.test_showing import Clock
from tests.samples import person

START_S = 1_767_225_600


class Bench:
    """A worker's memory of people, hot memory, and a clock."""

    def __init__(self, max_people: int = 1_000) -> None:
        self.hot, self.now_s = MemoryHot(), START_S
        self.people: dict[str, Profile] = {}
        self.fresh: set[str] = set()
        self.trimming = Trimming(self.hot, self._latest, self._packed, max_people, lambda: self.now_s * 1000)

    def _latest(self, who: str) -> int:
        profile = self.people.get(who)
        return max((until for _bit, until in profile.short_lived), default=0) if profile else 0

    def _packed(self, who: str) -> bytes | None:
        return pack_flags(self.people[who]) if who in self.people else None

    def show(self, who: int, *until: int, last_s: int = START_S) -> None:
        """Somebody with permanent flags and short-lived ones, in memory and shown."""
        short_lived = tuple(enumerate(until, 100))
        profile = self.people[person(who)] = Profile(
            last_ms=last_s * 1000, flags=2**64 - 1, events=1, short_lived=short_lived
        )
        self.hot.show([Shown(person(who), b"s", pack_flags(profile))])

    def settle(self, *people: int) -> None:
        self.trimming.add([person(who) for who in people])

    def turn(self, at_s: int, clock_s: float | None = None) -> None:
        """The worker comes round at this time of the day."""
        self.now_s = at_s
        self.trimming.turn(float(at_s) if clock_s is None else clock_s, self.fresh)

    def size(self, who: int) -> int:
        """Bytes of flags."""
        (row,) = asyncio.run(self.hot.read_flags([person(who)]))
        return len(row.value or b"")


FAT, LEAN = 11 + 5 + 12, 11


def test_flags_that_have_ended_are_taken_out_once_the_last_of_them_has() -> None:
    bench = Bench()
    bench.show(1, START_S + 60, START_S + 600)
    bench.settle(1)
    bench.turn(START_S + 599)
    assert bench.size(1) == FAT
    bench.turn(START_S + 600)
    assert (bench.size(1), len(bench.trimming), bench.trimming.trimmed) == (LEAN, 0, 1)


def test_a_replay_of_the_past_keeps_its_flags_for_as_long_as_they_would_have_lasted() -> None:
    bench = Bench()
    bench.show(1, START_S - 10_000, last_s=START_S - 10_600)
    bench.settle(1)
    for at_s in (START_S, START_S + 1, START_S + 599):
        bench.turn(at_s)
        assert bench.size(1) == 22
    bench.turn(START_S + 600)
    assert bench.size(1) == LEAN


def test_who_has_no_short_lived_flags_or_is_not_in_memory_is_nobodys_business() -> None:
    bench = Bench()
    bench.show(1)
    bench.settle(1, 2)
    assert len(bench.trimming) == 0


def test_who_was_shown_of_late_is_left_alone_and_comes_again_later() -> None:
    bench = Bench()
    bench.show(1, START_S + 60)
    bench.settle(1)
    bench.fresh = {person(1)}
    bench.turn(START_S + 61)
    assert (bench.size(1), len(bench.trimming)) == (22, 0)
    bench.fresh = set()
    bench.settle(1)
    bench.turn(START_S + 200)
    assert bench.size(1) == LEAN


def test_newer_flags_than_those_in_memory_are_never_overwritten() -> None:
    """Somebody else's: the partition has moved and nobody has told us yet."""
    bench = Bench()
    bench.show(1, START_S + 60)
    bench.settle(1)
    bench.hot.show([Shown(person(1), b"s", pack_flags(Profile(flags=1, short_lived=((100, START_S + 900),))))])
    size = bench.size(1)
    bench.turn(START_S + 61)
    assert (bench.size(1), bench.trimming.trimmed) == (size, 0)


def test_who_has_new_flags_waits_for_their_end_and_who_was_forgotten_is_passed_over() -> None:
    bench = Bench()
    bench.show(1, START_S + 60)
    bench.show(2, START_S + 60)
    bench.settle(1, 2)
    bench.show(1, START_S + 800, last_s=START_S + 50)
    del bench.people[person(2)]
    bench.turn(START_S + 61)
    assert (bench.size(1), bench.size(2), len(bench.trimming)) == (22, 22, 1)
    bench.turn(START_S + 800)
    assert bench.size(1) == LEAN


def test_few_at_once_and_one_entry_a_person_and_never_more_than_allowed() -> None:
    bench = Bench(max_people=3 * BATCH)
    for who in range(4 * BATCH):
        bench.show(who, START_S + 1)
    for _twice in range(2):
        bench.settle(*range(4 * BATCH))
    assert len(bench.trimming) == 3 * BATCH
    for n, due in ((0, BATCH), (0.5, BATCH), (1, 2 * BATCH), (9, 3 * BATCH), (10, 3 * BATCH)):
        bench.turn(START_S + 60, 100 + n * EVERY_S)
        assert bench.trimming.trimmed == due


def test_the_worker_trims_whom_it_has_not_shown_for_a_while_when_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through `Showing`, whose clock is the worker's; the time of the day goes along."""
    clock, bench = Clock(), Bench()
    monkeypatch.setattr(showing_test.showing, "time", clock)
    showing = Showing(bench.hot, lambda persons: [], bench.trimming)
    bench.show(1, START_S + 60)
    bench.show(2, START_S + 60)

    def later(seconds: float) -> None:
        clock.now_s += seconds
        bench.now_s += int(seconds)
        showing.catch_up(dict)

    showing.show([Shown(person(who), b"s", bench.trimming._packed(person(who))) for who in (1, 2)])
    for _ in range(3):
        later(RECENT_S / 2)
    assert len(bench.trimming) == 2
    bench.hot.away = True
    later(100)
    bench.hot.away = False
    assert (bench.size(1), bench.size(2)) == (22, 22)
    bench.show(1, START_S + 60)
    showing.show([Shown(person(1), b"s", bench.trimming._packed(person(1)))])
    for _ in range(5):
        later(RECENT_S)
    assert bench.size(1) == LEAN


def test_hot_memory_that_is_away_is_told_to_who_asks() -> None:
    bench = Bench()
    bench.show(1, START_S + 1)
    bench.settle(1)
    bench.hot.away = True
    with pytest.raises(Unavailable):
        bench.turn(START_S + 9)
