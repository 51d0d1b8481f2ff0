"""Rows kept in process: never one that hot memory has replaced and told of, whatever overtakes what."""

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from rayce.change_bus import SILENT_S, ChangeBus
from rayce.consent import Consent
from rayce.pseudonym import digest_of
from rayce.rows_cache import JITTER, RowsCache, Token
from rayce.stores.interfaces import HotRow

TTL_S = 2.0
PEOPLE = ["k1:" + f"{n:032x}" for n in (7, 8)]
ADA, BEN = PEOPLE


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def row(version: int, purposes: int = 7) -> HotRow:
    return HotRow(Consent(purposes), b"flags %d" % version)


def made(kind: type[RowsCache] = RowsCache, most: int = 100) -> tuple[RowsCache, ChangeBus, Clock]:
    clock = Clock()
    bus = ChangeBus(clock)
    cache = kind(bus, TTL_S, most, clock, lambda: 0.0)
    bus.hears(True)
    return cache, bus, clock


def read(cache: RowsCache, person: str, found: HotRow) -> None:
    cache.keep(person, cache.begin(person), found)


def test_what_was_read_is_kept_until_the_person_changes() -> None:
    cache, bus, _clock = made()
    read(cache, ADA, row(1))
    read(cache, BEN, row(2))
    assert cache.get(ADA) == row(1)
    bus.told(digest_of(ADA))
    assert cache.get(ADA) is None
    assert cache.get(BEN) == row(2)
    assert (cache.hits, cache.misses) == (2, 2)


def test_what_a_change_has_overtaken_is_not_kept() -> None:
    cache, bus, _clock = made()
    token = cache.begin(ADA)
    bus.told(digest_of(ADA))
    cache.keep(ADA, token, row(1))
    assert cache.get(ADA) is None


def test_what_was_read_while_the_bus_was_deaf_is_not_kept() -> None:
    cache, bus, _clock = made()
    bus.hears(False)
    token = cache.begin(ADA)
    bus.hears(True)
    cache.keep(ADA, token, row(1))
    assert cache.get(ADA) is None
    read(cache, ADA, row(1))
    assert cache.get(ADA) == row(1)


def test_a_row_lives_for_two_seconds_at_the_most_and_not_all_equally_long() -> None:
    for chance, lives_s in ((0.0, TTL_S), (1.0, TTL_S * (1 - JITTER))):
        clock = Clock()
        bus = ChangeBus(clock)
        cache = RowsCache(bus, TTL_S, 10, clock, lambda chance=chance: chance)  # type: ignore[misc]
        bus.hears(True)
        read(cache, ADA, row(1))
        for after_s, kept in ((lives_s - 0.01, True), (lives_s, False)):
            clock.now_s = 100.0 + after_s
            bus.heard(clock.now_s)
            assert (cache.get(ADA) is not None) is kept


def test_nothing_is_answered_while_the_bus_is_silent() -> None:
    cache, bus, clock = made()
    read(cache, ADA, row(1))
    clock.now_s += SILENT_S + 0.01
    assert cache.get(ADA) is None
    bus.heard(clock.now_s)
    assert cache.get(ADA) == row(1)


@pytest.mark.parametrize("found", [HotRow(None, None), HotRow(None, b"f"), HotRow(Consent(0), None)])
def test_only_what_there_is_is_kept(found: HotRow) -> None:
    cache, _bus, _clock = made()
    read(cache, ADA, found)
    assert len(cache) == 0


def test_it_is_bounded_and_the_oldest_leaves_first() -> None:
    cache, _bus, _clock = made(most=1)
    read(cache, ADA, row(1))
    read(cache, BEN, row(2))
    assert (cache.get(ADA), cache.get(BEN), len(cache)) == (None, row(2), 1)


def test_of_two_reads_of_a_person_the_later_counts_and_none_is_left_behind() -> None:
    cache, _bus, _clock = made()
    first, second = cache.begin(ADA), cache.begin(ADA)
    cache.keep(ADA, first, row(1))
    assert cache.get(ADA) is None
    cache.keep(ADA, second, row(2))
    assert cache.get(ADA) == row(2)
    cache.leave(BEN, cache.begin(BEN))
    assert not cache._reading


class Truth(RuleBasedStateMachine):
    """Hot memory, readers that are slow, a bus that delivers late, breaks and comes back."""

    kind: type[RowsCache] = RowsCache

    def __init__(self) -> None:
        super().__init__()
        self.cache, self.bus, self.clock = made(self.kind)
        self.version = dict.fromkeys(PEOPLE, 0)
        self.under_way: list[tuple[str, Token, HotRow | None]] = []
        self.told: list[bytes] = []
        self.connected = True

    @rule(person=st.sampled_from(PEOPLE))
    def begin(self, person: str) -> None:
        self.under_way.append((person, self.cache.begin(person), None))

    @precondition(lambda self: self.under_way)
    @rule(n=st.integers(0, 9))
    def answer(self, n: int) -> None:
        """Hot memory answers: the reply is on its way."""
        person, token, found = self.under_way[n % len(self.under_way)]
        self.under_way[n % len(self.under_way)] = (person, token, found or row(self.version[person]))

    @precondition(lambda self: any(found for _p, _t, found in self.under_way))
    @rule(n=st.integers(0, 9))
    def arrive(self, n: int) -> None:
        arrived = [reading for reading in self.under_way if reading[2] is not None]
        person, token, found = reading = arrived[n % len(arrived)]
        self.under_way.remove(reading)
        assert found is not None
        self.cache.keep(person, token, found)

    @rule(person=st.sampled_from(PEOPLE))
    def read_at_once(self, person: str) -> None:
        read(self.cache, person, row(self.version[person]))

    @rule(persons=st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=2))
    def write(self, persons: list[str]) -> None:
        for person in persons:
            self.version[person] += 1
        if self.connected:
            self.told.append(b"".join(map(digest_of, persons)))

    @rule(person=st.sampled_from(PEOPLE))
    def change(self, person: str) -> None:
        """Written, and everything told."""
        self.write([person])
        while self.told:
            self.deliver()

    @precondition(lambda self: self.told)
    @rule()
    def deliver(self) -> None:
        self.bus.told(self.told.pop(0))

    @precondition(lambda self: self.connected)
    @rule()
    def break_off(self) -> None:
        self.connected = False
        self.told.clear()
        self.bus.hears(False)

    @rule(person=st.sampled_from(PEOPLE))
    def miss(self, person: str) -> None:
        """Broken for a moment, and something was written meanwhile."""
        self.told.clear()
        self.bus.hears(False)
        self.version[person] += 1
        self.bus.hears(True)
        self.connected = True

    @precondition(lambda self: not self.connected)
    @rule()
    def come_back(self) -> None:
        self.connected = True
        self.bus.hears(True)

    @rule(seconds=st.sampled_from([0.1, 1.0, 3.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now_s += seconds
        if self.connected and not self.told:
            self.bus.heard(self.clock.now_s)

    @invariant()
    def what_is_answered_is_true_as_far_as_was_told(self) -> None:
        untold = b"".join(self.told)
        for person in PEOPLE:
            found = self.cache.get(person)
            if found is not None and digest_of(person) not in untold:
                assert found == row(self.version[person])
            if found is not None:
                assert self.connected


def test_whatever_happens_what_is_kept_is_what_hot_memory_has_or_is_about_to_tell() -> None:
    run_state_machine_as_test(Truth)  # type: ignore[no-untyped-call]


class WithoutGuard(RowsCache):
    """Keeps whatever was read."""

    def keep(self, person: str, token: Token, row: HotRow) -> None:
        super().keep(person, self.begin(person), row)


class WithoutClearing(RowsCache):
    """Keeps what it has when the bus breaks."""

    def clear(self) -> None:
        pass


class WithoutDropping(RowsCache):
    """Does not listen."""

    def drop(self, digest: bytes) -> None:
        pass


@pytest.mark.parametrize("mutant", [WithoutGuard, WithoutClearing, WithoutDropping])
def test_a_cache_that_takes_a_short_cut_is_caught(mutant: type[RowsCache]) -> None:
    class Mutant(Truth):
        kind = mutant

    many = settings(max_examples=500, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Mutant, settings=many)  # type: ignore[no-untyped-call]
