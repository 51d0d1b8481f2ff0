"""The rebuild: everybody who may be shown is, what is newer stays, and a store that breaks off is waited for."""

import asyncio
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from rayce.consent import Consent
from rayce.errors import Unavailable
from rayce.profile import encode_profile
from rayce.rebuild import BATCH, Rebuild, Rebuilt
from rayce.segments.flags import pack_flags
from rayce.segments.listing import Listing
from rayce.stores.interfaces import HotRow, Save, Shown, StoredProfile
from rayce.stores.memory import MemoryDurable
from rayce.stores.memory_hot import MemoryHot
from tests.samples import T0, event, folded, person

YES = Consent(1, T0)
PEOPLE = 3 * BATCH + 7
OLD = folded(event("view", "p1"))
NEW = folded(event("view", "p1"), event("view", "p2", at=T0 + 1))


class Durable(MemoryDurable):
    """Breaks off in the middle of a scan, as often as `breaks` says."""

    breaks = 0

    def scan_profiles(self, segment: int, segments: int) -> Iterator[tuple[str, StoredProfile]]:
        for n, row in enumerate(super().scan_profiles(segment, segments)):
            if n == BATCH // 2 and self.breaks:
                self.breaks -= 1
                raise Unavailable("dynamodb", "broke off")
            yield row


def durable(people: int = PEOPLE) -> Durable:
    """Everybody with a consent and the older state."""
    made = Durable()
    epoch = made.acquire(0).epoch
    state = encode_profile(OLD)
    made.save_profiles(0, epoch, [Save(person(n), state, n) for n in range(people)])
    for n in range(people):
        made.save_consent(person(n), YES)
    return made


def states(hot: MemoryHot, people: int = PEOPLE) -> list[HotRow]:
    return asyncio.run(hot.read_states([person(n) for n in range(people)]))


@pytest.mark.parametrize("segments", [1, 4, 50])
@pytest.mark.parametrize("at_once", [1, 3])
def test_everybody_is_there_afterwards_with_consent_flags_and_state(segments: int, at_once: int) -> None:
    hot = MemoryHot()
    assert Rebuild(durable(), hot, segments).run(range(segments), at_once) == Rebuilt(PEOPLE, PEOPLE)
    assert {(row.consent and row.consent.purposes, row.value) for row in states(hot)} == {(1, encode_profile(OLD))}
    assert {row.value for row in asyncio.run(hot.read_flags([person(n) for n in range(PEOPLE)]))} == {pack_flags(OLD)}


def test_a_live_workers_newer_row_is_never_overwritten_by_the_older_scan() -> None:
    hot = MemoryHot()
    newer = encode_profile(NEW)
    hot.show([Shown(person(3), newer, pack_flags(NEW))])
    Rebuild(durable(), hot, 4).run(range(4), 2)
    assert states(hot)[3].value == newer
    assert states(hot)[4].value == encode_profile(OLD)


def test_a_row_that_a_worker_writes_between_scan_and_put_back_stays() -> None:
    hot, newer = MemoryHot(), encode_profile(NEW)
    original = hot.put_back

    def late(rows: list[Shown], consents: dict[str, Consent]) -> None:
        hot.show([Shown(person(3), newer, pack_flags(NEW))])
        original(rows, consents)

    hot.put_back = late  # type: ignore[method-assign,assignment]
    Rebuild(durable(), hot, 4).run(range(4), 1)
    assert states(hot)[3].value == newer


def test_control_shown_instead_of_put_back_the_older_row_would_win() -> None:
    hot, newer = MemoryHot(), encode_profile(NEW)
    hot.put_back = lambda rows, consents: hot.show(rows)  # type: ignore[method-assign]
    hot.show([Shown(person(3), newer, pack_flags(NEW))])
    Rebuild(durable(), hot, 1).run(range(1), 1)
    assert states(hot)[3].value == encode_profile(OLD)


def test_of_who_denies_or_was_never_asked_nothing_is_shown() -> None:
    made, hot = durable(3), MemoryHot()
    made.save_consent(person(0), Consent(0, T0 + 1))
    del made._consents[person(1)]
    assert Rebuild(made, hot, 1).run(range(1), 1) == Rebuilt(3, 1)
    assert [row.value for row in states(hot, 3)] == [None, None, encode_profile(OLD)]
    assert [row.consent and row.consent.purposes for row in states(hot, 3)] == [0, None, 1]


def test_a_withdrawal_during_the_scan_stands() -> None:
    made, hot = durable(3), MemoryHot()
    asyncio.run(hot.put_consent(person(1), Consent(0, T0 + 1)))
    Rebuild(made, hot, 1).run(range(1), 1)
    assert states(hot, 3)[1].value is None


def test_only_the_wanted_segments_are_rebuilt_so_that_a_run_can_be_resumed() -> None:
    hot, told = MemoryHot(), dict[int, Rebuilt]()
    first = Rebuild(durable(), hot, 4).run([0, 1], 2, told.__setitem__)
    assert set(told) == {0, 1} and first.people == sum(each.people for each in told.values())
    assert 0 < first.people < PEOPLE
    rest = Rebuild(durable(), hot, 4).run([2, 3], 2, told.__setitem__)
    assert first.people + rest.people == PEOPLE
    assert all(row.value for row in states(hot))


def test_a_scan_that_breaks_off_is_begun_anew() -> None:
    made, hot = durable(), MemoryHot()
    made.breaks = 3
    assert Rebuild(made, hot, 1, pause_s=0).run(range(1), 1) == Rebuilt(PEOPLE, PEOPLE)
    assert all(row.value for row in states(hot))


@pytest.mark.parametrize("away", ["hot", "durable"])
def test_a_store_that_stays_away_ends_the_run(away: str) -> None:
    made, hot = durable(), MemoryHot()
    (hot if away == "hot" else made).away = True
    with pytest.raises(Unavailable):
        Rebuild(made, hot, 4, pause_s=0).run(range(4), 2)


def test_memory_is_bounded_pages_are_put_back_as_they_come() -> None:
    hot, sizes = MemoryHot(), list[int]()
    original = hot.put_back

    def counted(rows: list[Shown], consents: dict[str, Consent]) -> None:
        sizes.append(len(rows))
        original(rows, consents)

    hot.put_back = counted  # type: ignore[method-assign,assignment]
    Rebuild(durable(), hot, 1).run(range(1), 1)
    assert sizes == [BATCH, BATCH, BATCH, 7]


def test_lists_of_members_are_filled_by_what_is_there_afterwards_and_what_has_expired_is_left_out() -> None:
    hot, made = MemoryHot(), Durable()
    old = replace(OLD, flags=0b100, short_lived=((100, T0 // 1000 + 60), (101, T0 // 1000 + 600)))
    made.save_profiles(0, made.acquire(0).epoch, [Save(person(n), encode_profile(old), n) for n in range(3)])
    for n in range(3):
        made.save_consent(person(n), Consent(n and 1, T0))
    hot.show([Shown(person(1), b"newer", pack_flags(replace(NEW, flags=0b10)))])
    now_s = T0 // 1000 + 60
    Rebuild(made, hot, 2, listing_of=lambda tenant: Listing(tenant, (1, 2)), now_s=now_s).run(range(2), 1)
    assert [asyncio.run(hot.read_members("shop", bit, "", 9)).people for bit in (1, 2)] == [[person(1)], [person(2)]]
    rows = asyncio.run(hot.read_flags([person(2)]))
    assert rows[0].value == pack_flags(replace(old, short_lived=old.short_lived[1:]))
