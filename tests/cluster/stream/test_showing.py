"""Showing: at once where it can, later where it must, the newest row of each person, and again after a wipe."""

import asyncio
from collections.abc import Sequence

import pytest

from cluster.stream import showing
from cluster.stream.showing import BATCH, Showing
from rayce.consent import Consent
from rayce.profile import Profile
from rayce.segments.flags import pack_flags
from rayce.segments.listing import Listing
from rayce.stores.interfaces import HotRow, Shown
from rayce.stores.memory_hot import MemoryHot
from tests.samples import person


class Clock:
    """Stands in for `time` in the module."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s


class Bench:
    """Showing over a hot memory, with what the worker holds in memory."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.hot = MemoryHot()
        self.held: dict[str, Shown] = {}
        self.told = 0
        self.showing = Showing(self.hot, self._look_up)

    def _look_up(self, persons: Sequence[str]) -> list[Shown]:
        return [self.held[who] for who in persons if who in self.held]

    def show(self, *rows: Shown) -> None:
        self.held |= {row.person: row for row in rows}
        self.showing.show(rows)

    def later(self, seconds: float = 2.0) -> None:
        """Some time later the worker comes round."""
        self.clock.now_s += seconds
        self.showing.catch_up(self._statuses)

    def _statuses(self) -> dict[str, bytes]:
        self.told += 1
        return {"stream:0": str(self.told).encode()}

    def states(self, *people: int) -> list[HotRow]:
        return asyncio.run(self.hot.read_states([person(n) for n in people]))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    clock = Clock()
    monkeypatch.setattr(showing, "time", clock)
    return Bench(clock)


def row(who: int, state: bytes | None, consent: Consent | None = None) -> Shown:
    return Shown(person(who), state, state, consent)


def test_rows_are_visible_at_once(bench: Bench) -> None:
    bench.show(row(1, b"a"), row(2, b"b"))
    assert bench.states(1, 2) == [HotRow(None, b"a"), HotRow(None, b"b")]
    assert bench.showing.waiting == {}


def test_what_could_not_be_shown_waits_and_is_shown_when_memory_is_back(bench: Bench) -> None:
    bench.hot.away = True
    bench.show(row(1, b"a"))
    bench.later()
    assert set(bench.showing.waiting) == {person(1)}
    bench.hot.away = False
    bench.later()
    assert bench.states(1) == [HotRow(None, b"a")]
    assert bench.showing.waiting == {}


def test_of_one_person_only_the_newest_row_waits(bench: Bench) -> None:
    bench.hot.away = True
    for n in range(1000):
        bench.show(row(n % 3, str(n).encode()))
    assert len(bench.showing.waiting) == 3
    bench.hot.away = False
    bench.later()
    assert bench.states(0, 1, 2) == [HotRow(None, b"999"), HotRow(None, b"997"), HotRow(None, b"998")]


def test_a_decision_that_waits_is_not_lost_to_a_later_row(bench: Bench) -> None:
    bench.hot.away = True
    bench.show(row(1, b"a", Consent(6, 5)))
    bench.show(row(1, b"b"))
    bench.hot.away = False
    bench.later()
    assert bench.states(1) == [HotRow(Consent(6), None)], "a denial stands whatever is shown"


def test_lists_that_wait_to_be_told_of_are_not_lost_to_a_later_row(bench: Bench) -> None:
    """A worker tells of them once: the later row says nothing of lists, but its flags are in force."""
    flags, lists = pack_flags(Profile(last_ms=1, flags=0b101)), Listing("shop", (0, 1))
    bench.hot.away = True
    bench.show(Shown(person(1), b"a", pack_flags(Profile(last_ms=1, flags=0b10)), None, lists))
    bench.show(Shown(person(1), b"b", flags))
    bench.hot.away = False
    bench.later()
    members = [asyncio.run(bench.hot.read_members("shop", bit, "", 9)).people for bit in (0, 1)]
    assert members == [[person(1)], []]


def test_while_something_waits_nothing_newer_overtakes_it(bench: Bench) -> None:
    bench.hot.away = True
    bench.show(row(1, b"old"))
    bench.hot.away = False
    bench.show(row(1, b"new"))
    assert bench.states(1) == [HotRow(None, None)]
    bench.later()
    assert bench.states(1) == [HotRow(None, b"new")]


def test_a_long_queue_is_shown_in_batches_of_bounded_size(bench: Bench) -> None:
    sizes: list[int] = []
    original = bench.hot.show
    bench.hot.away = True
    bench.show(*(row(n, b"x") for n in range(2 * BATCH + 7)))
    bench.hot.away = False
    bench.hot.show = lambda rows: sizes.append(len(rows)) or original(rows)  # type: ignore[method-assign,assignment,func-returns-value]
    bench.later()
    assert sizes == [BATCH, BATCH, 7]


def test_a_memory_that_is_away_is_left_alone_for_a_moment(bench: Bench) -> None:
    tries: list[int] = []
    bench.hot.away = True
    original = bench.hot.show
    bench.hot.show = lambda rows: tries.append(1) or original(rows)  # type: ignore[method-assign,assignment,func-returns-value]
    for n in range(50):
        bench.show(row(n, b"x"))
        bench.later(0.001)
    assert len(tries) == 1


def test_after_a_wipe_what_was_just_shown_is_shown_again(bench: Bench) -> None:
    bench.show(row(1, b"a"), row(2, b"b"))
    bench.later()
    bench.hot.wipe()
    asyncio.run(bench.hot.backfill([row(1, b"older, from durable memory")], {}))
    bench.held[person(2)] = row(2, b"b2")
    bench.later()
    bench.later()
    assert bench.states(1, 2) == [HotRow(None, b"a"), HotRow(None, b"b2")]


def test_what_was_shown_long_ago_is_durable_and_need_not_be(bench: Bench) -> None:
    bench.show(row(1, b"a"))
    bench.later()
    bench.later(showing.RECENT_S + 1)
    bench.hot.wipe()
    bench.later()
    bench.later()
    assert bench.states(1) == [HotRow(None, None)]
    assert bench.showing._recent == {}


def test_statuses_are_told_about_once_a_second(bench: Bench) -> None:
    for _ in range(30):
        bench.later(0.1)
    assert 3 <= bench.told <= 4
    assert asyncio.run(bench.hot.read_status()) == {"stream:0": str(bench.told).encode()}


def test_a_memory_that_cannot_take_statuses_stops_nothing(bench: Bench) -> None:
    bench.later()
    bench.hot.away = True
    bench.later()
    bench.hot.away = False
    bench.later()
    bench.show(row(1, b"a"))
    assert bench.states(1) == [HotRow(None, b"a")]
