"""Tallies: what is kept while memberships change equals what counting everybody gives; a tally that errs is found."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rayce.errors import InvalidArtifact
from rayce.segments.bits import set_bits
from rayce.segments.expiries import MAX_BUCKETS, Expiries
from rayce.segments.tally import FLOW_HOURS, OVERLAP_BITS, Flow, Tally

NOW_S = 1_767_225_600
BITS = (0, 1, 2, 63, 64, OVERLAP_BITS - 1, OVERLAP_BITS, 1023)
SHORT_BITS = (3, 4)


class Change(NamedTuple):
    """Somebody's flags become these, so many seconds after the last change."""

    who: int
    flags: frozenset[int]
    short: dict[int, int]
    later_s: int
    prune: bool


lasting = st.sampled_from([1, 5, 59, 60, 600, 1_800, 86_400]) | st.integers(1, 400_000)
changes = st.lists(
    st.builds(
        Change,
        who=st.integers(0, 5),
        flags=st.frozensets(st.sampled_from(BITS)),
        short=st.dictionaries(st.sampled_from(SHORT_BITS), lasting),
        later_s=st.sampled_from([0, 0, 1, 30, 700, 4_000, 90_000]),
        prune=st.booleans(),
    ),
    max_size=40,
)


class People:
    """Everybody's flags as they are, and the tally that was changed along."""

    def __init__(self, apply: Callable[..., None] = Tally.change) -> None:
        self.tally, self.now_s, self._apply = Tally(), NOW_S, apply
        self.permanent: dict[int, int] = {}
        self.short: dict[int, dict[int, int]] = {}

    def change(self, change: Change) -> None:
        self.now_s += change.later_s
        flags = sum(1 << bit for bit in change.flags)
        short = {bit: self.now_s + lasts_s for bit, lasts_s in change.short.items()}
        before, before_short = self.permanent.get(change.who, 0), self.short.get(change.who, {})
        self._apply(
            self.tally, before, tuple(before_short.items()), flags, tuple(short.items()), self.now_s * 1000, "shop"
        )
        if change.prune:
            self.tally.prune(self.now_s * 1000)
        self.permanent[change.who], self.short[change.who] = flags, short

    def agree(self) -> bool:
        """Whether the tally says what counting says."""
        for bit in BITS:
            if self.tally.size(bit, self.now_s, "shop") != sum(f >> bit & 1 for f in self.permanent.values()):
                return False
            for other in BITS:
                both = sum(f >> bit & f >> other & 1 for f in self.permanent.values())
                counted = bit == other or max(bit, other) < OVERLAP_BITS
                if self.tally.overlap(bit, other, "shop") != (both if counted else 0):
                    return False
        return all(self._agrees_on(bit, at_s) for bit in SHORT_BITS for at_s in (self.now_s, self.now_s + 77, 2**31))

    def _agrees_on(self, bit: int, at_s: int) -> bool:
        counts = self.tally._tenants.get("shop")
        width_s = counts.short_lived[bit].width_s if counts and bit in counts.short_lived else 1
        ends = [short[bit] for short in self.short.values() if bit in short]
        return self.tally.size(bit, at_s, "shop") == sum(end // width_s >= at_s // width_s for end in ends)


@given(changes)
def test_kept_along_equals_counted_anew(history: list[Change]) -> None:
    people = People()
    for change in history:
        people.change(change)
        assert people.agree()


@given(changes)
def test_who_entered_less_who_left_is_who_is_there(history: list[Change]) -> None:
    people = People()
    for change in history:
        people.change(change._replace(later_s=min(change.later_s, 700)))
    people.tally.prune(people.now_s * 1000)
    for bit in (*BITS, *SHORT_BITS):
        flow = people.tally.flow(bit, people.now_s, FLOW_HOURS, "shop")
        assert flow.inflow - flow.outflow == people.tally.size(bit, people.now_s, "shop")


@given(changes, changes)
def test_merged_partitions_are_counted_as_one(one: list[Change], two: list[Change]) -> None:
    left, right = People(), People()
    for people, history in ((left, one), (right, two)):
        for change in history:
            people.change(change._replace(later_s=0))
    merged = Tally.from_bytes(left.tally.to_bytes())
    merged.merge(right.tally)
    for bit in (*BITS, *SHORT_BITS):
        parts = [people.tally.size(bit, NOW_S, "shop") for people in (left, right)]
        assert merged.size(bit, NOW_S, "shop") == sum(parts)
        flows = [people.tally.flow(bit, NOW_S, 1, "shop") for people in (left, right)]
        assert merged.flow(bit, NOW_S, 1, "shop") == Flow(*map(sum, zip(*flows, strict=True)))
        for other in BITS:
            both = sum(people.tally.overlap(bit, other, "shop") for people in (left, right))
            assert merged.overlap(bit, other, "shop") == both


@given(changes)
def test_a_tally_survives_encoding_and_goes_on(history: list[Change]) -> None:
    people = People()
    for change in history:
        people.change(change)
        people.tally = Tally.from_bytes(people.tally.to_bytes())
        assert people.agree()


def _forgets_pairs(tally: Tally, before: int, bs: object, after: int, as_: object, now_ms: int, tenant: str) -> None:
    tally.change(before, bs, after, as_, now_ms, tenant)  # type: ignore[arg-type]
    counts = tally._tenants.get(tenant)
    if counts is not None and len(set_bits(after)) > 2:
        counts.pairs.pop(next(iter(counts.pairs), -1), None)


def _counts_a_renewal_twice(tally: Tally, before: int, bs: object, after: int, as_: object, n: int, t: str) -> None:
    tally.change(before, (), after, as_, n, t)  # type: ignore[arg-type]


@pytest.mark.parametrize("mutant", [_forgets_pairs, _counts_a_renewal_twice])
def test_a_tally_that_errs_is_found(mutant: Callable[..., None]) -> None:
    people = People(mutant)
    for n in range(12):
        people.change(Change(n % 2, frozenset({0, 1, 2}), {3: 600}, 30, False))
    assert not people.agree()


def test_time_alone_ends_a_short_lived_membership_and_it_counts_as_having_left() -> None:
    tally = Tally()
    tally.change(0, (), 0, ((3, NOW_S + 60),), NOW_S * 1000)
    assert [tally.size(3, NOW_S + s) for s in (0, 59, 61)] == [1, 1, 0]
    tally.prune((NOW_S + 61) * 1000)
    assert tally.flow(3, NOW_S + 61, 1) == Flow(1, 1)
    tally.change(0, ((3, NOW_S + 60),), 0, (), (NOW_S + 90) * 1000)
    assert tally.flow(3, NOW_S + 90, 1) == Flow(1, 1), "whom time has ended does not leave again"


def test_a_renewal_is_no_movement() -> None:
    tally = Tally()
    tally.change(0, (), 0, ((3, NOW_S + 60),), NOW_S * 1000)
    tally.change(0, ((3, NOW_S + 60),), 0, ((3, NOW_S + 90),), (NOW_S + 30) * 1000)
    assert tally.flow(3, NOW_S + 30, 1) == Flow(1, 0) and tally.size(3, NOW_S + 80) == 1


def test_movements_are_kept_for_two_days() -> None:
    tally = Tally()
    tally.change(0, (), 1, (), NOW_S * 1000)
    later_s = NOW_S + FLOW_HOURS * 3600
    tally.prune((later_s - 3600) * 1000)
    assert tally.flow(0, later_s - 3600, FLOW_HOURS) == Flow(1, 0)
    tally.prune(later_s * 1000)
    assert tally.flow(0, later_s, 1_000) == Flow(0, 0) and tally.size(0, later_s) == 1


def test_tenants_are_counted_apart() -> None:
    tally = Tally()
    tally.change(0, (), 1, (), NOW_S * 1000, "shop")
    assert (tally.size(0, NOW_S, "shop"), tally.size(0, NOW_S, "other")) == (1, 0)


@given(st.lists(st.integers(0, 40 * 86_400), max_size=600))
@example([*range(0, 86_400, 100)])
def test_buckets_are_bounded_and_no_membership_is_lost_by_widening(ends: list[int]) -> None:
    expiries = Expiries()
    for end in ends:
        assert expiries.add(NOW_S + end, 1)
        assert len(expiries.buckets) <= MAX_BUCKETS
    assert expiries.in_force(NOW_S) == len(ends)
    for end in ends:
        expiries.add(NOW_S + end, -1)
    assert expiries.buckets == {}


@given(st.binary(max_size=60))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    try:
        Tally.from_bytes(data)
    except InvalidArtifact as error:
        assert error.key in ("tally", "version")


def test_64_segments_fit_beside_the_profiles_they_count() -> None:
    """In one item of durable memory, which holds 400 kB."""
    tally = Tally()
    for hour in range(FLOW_HOURS):
        now_ms = (NOW_S + hour * 3600) * 1000
        tally.change(0, (), 2**64 - 1, [(b, NOW_S + b * 999 + hour) for b in range(200, 232)], now_ms, "shop")
    assert len(tally.to_bytes()) < 60_000
