"""`DurableProfiles`: the watermark travels with the state, and a former owner is fenced."""

from collections.abc import Callable

import pytest

from rayce.errors import Fenced
from rayce.stores.interfaces import MAX_SAVE_BYTES, MAX_SAVES, Durable, Lease, Save, StoredProfile

New = Callable[[], str]


def test_who_was_never_saved_is_not_there(durable: Durable, somebody: New) -> None:
    assert durable.load_profiles([somebody(), somebody()]) == {}
    assert durable.load_profiles([]) == {}


def test_what_is_saved_is_loaded_with_partition_and_offset(durable: Durable, somebody: New) -> None:
    one, two = somebody(), somebody()
    durable.save_profiles(3, durable.acquire(3).epoch, [Save(one, b"state\x00\xff", 7), Save(two, b"2", 0)])
    assert durable.load_profiles([two, one, somebody(), one]) == {
        one: StoredProfile(b"state\x00\xff", 3, 7),
        two: StoredProfile(b"2", 3, 0),
    }


def test_a_later_save_replaces_an_earlier_one_and_the_same_again_is_harmless(durable: Durable, somebody: New) -> None:
    who = somebody()
    epoch = durable.acquire(1).epoch
    for save in (Save(who, b"1", 5), Save(who, b"2", 9), Save(who, b"2", 9)):
        durable.save_profiles(1, epoch, [save])
    assert durable.load_profiles([who])[who] == StoredProfile(b"2", 1, 9)


def test_an_older_offset_never_replaces_a_newer_one(durable: Durable, somebody: New) -> None:
    who = somebody()
    epoch = durable.acquire(1).epoch
    durable.save_profiles(1, epoch, [Save(who, b"new", 9)])
    with pytest.raises(Fenced):
        durable.save_profiles(1, epoch, [Save(who, b"old", 8)])
    assert durable.load_profiles([who])[who] == StoredProfile(b"new", 1, 9)


def test_each_owner_has_a_greater_epoch_than_the_one_before(durable: Durable) -> None:
    first, second = durable.acquire(11).epoch, durable.acquire(11).epoch
    assert second > first >= 1
    assert durable.acquire(12).epoch >= 1


def test_a_former_owner_is_fenced_and_writes_nothing(durable: Durable, somebody: New) -> None:
    who, other = somebody(), somebody()
    zombie = durable.acquire(2).epoch
    durable.save_profiles(2, zombie, [Save(who, b"1", 1)])
    owner = durable.acquire(2).epoch
    with pytest.raises(Fenced) as caught:
        durable.save_profiles(2, zombie, [Save(who, b"zombie", 2), Save(other, b"zombie", 2)])
    assert (caught.value.partition, caught.value.epoch) == (2, zombie)
    assert durable.load_profiles([who, other]) == {who: StoredProfile(b"1", 2, 1)}
    durable.save_profiles(2, owner, [Save(who, b"owner", 2)])
    assert durable.load_profiles([who])[who].state == b"owner"


def test_a_former_owner_with_more_than_one_transaction_is_fenced_at_the_first(durable: Durable, somebody: New) -> None:
    people = [somebody() for _ in range(250)]
    zombie = durable.acquire(2).epoch
    durable.acquire(2)
    with pytest.raises(Fenced):
        durable.save_profiles(2, zombie, [Save(who, b"zombie", 1) for who in people])
    assert durable.load_profiles(people) == {}


def test_an_epoch_of_one_partition_says_nothing_of_another(durable: Durable, somebody: New) -> None:
    for _ in range(3):
        high = durable.acquire(21).epoch
    durable.acquire(22)
    with pytest.raises(Fenced):
        durable.save_profiles(22, high + 7, [Save(somebody(), b"x", 1)])


def test_hundreds_of_people_are_saved_and_loaded_at_once(durable: Durable, somebody: New) -> None:
    saves = [Save(somebody(), str(n).encode(), n) for n in range(350)]
    durable.save_profiles(0, durable.acquire(0).epoch, saves)
    found = durable.load_profiles([save.person for save in saves])
    assert found == {save.person: StoredProfile(save.state, 0, save.offset) for save in saves}


def test_the_largest_profiles_are_saved_at_once(durable: Durable, somebody: New) -> None:
    """More bytes than one transaction may have."""
    saves = [Save(somebody(), bytes(200_000), n) for n in range(30)]
    durable.save_profiles(0, durable.acquire(0).epoch, saves)
    assert len(durable.load_profiles([save.person for save in saves])) == 30


def test_who_moved_to_another_partition_begins_there_anew(durable: Durable, somebody: New) -> None:
    who = somebody()
    durable.save_profiles(1, durable.acquire(1).epoch, [Save(who, b"1", 900)])
    durable.save_profiles(4, durable.acquire(4).epoch, [Save(who, b"2", 3)])
    assert durable.load_profiles([who])[who] == StoredProfile(b"2", 4, 3)


def test_saving_nothing_is_no_error(durable: Durable) -> None:
    durable.save_profiles(0, durable.acquire(0).epoch, [])


def test_making_what_is_missing_is_harmless_when_all_is_there(durable: Durable, somebody: New) -> None:
    who = somebody()
    durable.save_profiles(0, durable.acquire(0).epoch, [Save(who, b"1", 1)])
    durable.create()
    assert who in durable.load_profiles([who])


class TestTally:
    """What an owner leaves with the lease for the next one. Each test has a partition of its own."""

    def test_at_first_there_is_none(self, durable: Durable) -> None:
        assert durable.acquire(100) == Lease(1, b"")
        assert durable.acquire(100) == Lease(2, b"")

    @pytest.mark.parametrize("tally", [b"", b"\x00\xff", bytes(range(256)) * 100])
    def test_what_was_left_last_is_found_by_the_next_owners(
        self, durable: Durable, somebody: New, tally: bytes
    ) -> None:
        epoch = durable.acquire(101).epoch
        durable.save_profiles(101, epoch, [Save(somebody(), b"1", 1)], b"before")
        durable.save_profiles(101, epoch, [Save(somebody(), b"2", 2)], tally)
        assert durable.acquire(101).tally == tally
        assert durable.acquire(101).tally == tally

    def test_a_save_without_one_leaves_it_as_it_is(self, durable: Durable, somebody: New) -> None:
        epoch = durable.acquire(102).epoch
        durable.save_profiles(102, epoch, [], b"kept")
        durable.save_profiles(102, epoch, [Save(somebody(), b"1", 1)])
        assert durable.acquire(102).tally == b"kept"

    def test_every_partition_has_its_own(self, durable: Durable) -> None:
        durable.save_profiles(103, durable.acquire(103).epoch, [], b"103")
        durable.save_profiles(104, durable.acquire(104).epoch, [], b"104")
        assert (durable.acquire(103).tally, durable.acquire(104).tally) == (b"103", b"104")

    def test_a_former_owner_changes_neither_tally_nor_profiles(self, durable: Durable, somebody: New) -> None:
        who = somebody()
        zombie = durable.acquire(105).epoch
        durable.save_profiles(105, zombie, [Save(who, b"1", 1)], b"true")
        durable.acquire(105)
        with pytest.raises(Fenced):
            durable.save_profiles(105, zombie, [Save(who, b"zombie", 2), Save(somebody(), b"zombie", 2)], b"zombie")
        assert durable.load_profiles([who])[who].state == b"1"
        assert durable.acquire(105).tally == b"true"

    def test_where_one_profile_is_refused_neither_tally_nor_the_others_change(
        self, durable: Durable, somebody: New
    ) -> None:
        who, other = somebody(), somebody()
        epoch = durable.acquire(106).epoch
        durable.save_profiles(106, epoch, [Save(who, b"new", 9)], b"true")
        with pytest.raises(Fenced):
            durable.save_profiles(106, epoch, [Save(other, b"x", 9), Save(who, b"old", 8)], b"false")
        assert durable.load_profiles([who, other]) == {who: StoredProfile(b"new", 106, 9)}
        assert durable.acquire(106).tally == b"true"

    def test_as_many_as_are_allowed_are_saved_at_once(self, durable: Durable, somebody: New) -> None:
        saves = [Save(somebody(), bytes(1_000), n) for n in range(MAX_SAVES)]
        durable.save_profiles(107, durable.acquire(107).epoch, saves, bytes(4_000))
        assert len(durable.load_profiles([save.person for save in saves])) == MAX_SAVES
        assert durable.acquire(107).tally == bytes(4_000)

    @pytest.mark.parametrize(("saves", "size"), [(MAX_SAVES + 1, 1), (10, MAX_SAVE_BYTES // 10)])
    def test_more_than_can_be_saved_at_once_is_refused_whole(
        self, durable: Durable, somebody: New, saves: int, size: int
    ) -> None:
        people = [somebody() for _ in range(saves)]
        epoch = durable.acquire(108).epoch
        with pytest.raises(ValueError, match="at once"):
            durable.save_profiles(108, epoch, [Save(who, bytes(size), 1) for who in people], b"t")
        assert durable.load_profiles(people) == {}
        assert durable.acquire(108).tally == b""


class TestScan:
    """Everybody, in parts; the store is shared, so others may be there too."""

    @pytest.mark.parametrize("segments", [1, 4, 7])
    def test_the_parts_are_disjoint_and_hold_everybody(self, durable: Durable, somebody: New, segments: int) -> None:
        saves = [Save(somebody(), bytes(4_000), n) for n in range(600)]
        durable.save_profiles(110, durable.acquire(110).epoch, saves)
        parts = [list(durable.scan_profiles(segment, segments)) for segment in range(segments)]
        people = [person for part in parts for person, _stored in part]
        assert len(people) == len(set(people))
        found = {person: stored for part in parts for person, stored in part}
        assert {save.person: found.get(save.person) for save in saves} == {
            save.person: StoredProfile(save.state, 110, save.offset) for save in saves
        }

    @pytest.mark.parametrize(("segment", "segments"), [(-1, 3), (3, 3), (0, 0)])
    def test_a_part_that_is_none_is_refused(self, durable: Durable, segment: int, segments: int) -> None:
        with pytest.raises(ValueError, match="no segment"):
            list(durable.scan_profiles(segment, segments))
