"""`DurableProfiles`: the watermark travels with the state, and a former owner is fenced."""

from collections.abc import Callable

import pytest

from rayce.errors import Fenced
from rayce.stores.interfaces import Durable, Save, StoredProfile

New = Callable[[], str]


def test_who_was_never_saved_is_not_there(durable: Durable, somebody: New) -> None:
    assert durable.load_profiles([somebody(), somebody()]) == {}
    assert durable.load_profiles([]) == {}


def test_what_is_saved_is_loaded_with_partition_and_offset(durable: Durable, somebody: New) -> None:
    one, two = somebody(), somebody()
    durable.save_profiles(3, durable.acquire(3), [Save(one, b"state\x00\xff", 7), Save(two, b"2", 0)])
    assert durable.load_profiles([two, one, somebody(), one]) == {
        one: StoredProfile(b"state\x00\xff", 3, 7),
        two: StoredProfile(b"2", 3, 0),
    }


def test_a_later_save_replaces_an_earlier_one_and_the_same_again_is_harmless(durable: Durable, somebody: New) -> None:
    who = somebody()
    epoch = durable.acquire(1)
    for save in (Save(who, b"1", 5), Save(who, b"2", 9), Save(who, b"2", 9)):
        durable.save_profiles(1, epoch, [save])
    assert durable.load_profiles([who])[who] == StoredProfile(b"2", 1, 9)


def test_an_older_offset_never_replaces_a_newer_one(durable: Durable, somebody: New) -> None:
    who = somebody()
    epoch = durable.acquire(1)
    durable.save_profiles(1, epoch, [Save(who, b"new", 9)])
    with pytest.raises(Fenced):
        durable.save_profiles(1, epoch, [Save(who, b"old", 8)])
    assert durable.load_profiles([who])[who] == StoredProfile(b"new", 1, 9)


def test_each_owner_has_a_greater_epoch_than_the_one_before(durable: Durable) -> None:
    first, second = durable.acquire(11), durable.acquire(11)
    assert second > first >= 1
    assert durable.acquire(12) >= 1


def test_a_former_owner_is_fenced_and_writes_nothing(durable: Durable, somebody: New) -> None:
    who, other = somebody(), somebody()
    zombie = durable.acquire(2)
    durable.save_profiles(2, zombie, [Save(who, b"1", 1)])
    owner = durable.acquire(2)
    with pytest.raises(Fenced) as caught:
        durable.save_profiles(2, zombie, [Save(who, b"zombie", 2), Save(other, b"zombie", 2)])
    assert (caught.value.partition, caught.value.epoch) == (2, zombie)
    assert durable.load_profiles([who, other]) == {who: StoredProfile(b"1", 2, 1)}
    durable.save_profiles(2, owner, [Save(who, b"owner", 2)])
    assert durable.load_profiles([who])[who].state == b"owner"


def test_a_former_owner_with_more_than_one_transaction_is_fenced_at_the_first(durable: Durable, somebody: New) -> None:
    people = [somebody() for _ in range(250)]
    zombie = durable.acquire(2)
    durable.acquire(2)
    with pytest.raises(Fenced):
        durable.save_profiles(2, zombie, [Save(who, b"zombie", 1) for who in people])
    assert durable.load_profiles(people) == {}


def test_an_epoch_of_one_partition_says_nothing_of_another(durable: Durable, somebody: New) -> None:
    for _ in range(3):
        high = durable.acquire(21)
    durable.acquire(22)
    with pytest.raises(Fenced):
        durable.save_profiles(22, high + 7, [Save(somebody(), b"x", 1)])


def test_hundreds_of_people_are_saved_and_loaded_at_once(durable: Durable, somebody: New) -> None:
    saves = [Save(somebody(), str(n).encode(), n) for n in range(350)]
    durable.save_profiles(0, durable.acquire(0), saves)
    found = durable.load_profiles([save.person for save in saves])
    assert found == {save.person: StoredProfile(save.state, 0, save.offset) for save in saves}


def test_the_largest_profiles_are_saved_at_once(durable: Durable, somebody: New) -> None:
    """More bytes than one transaction may have."""
    saves = [Save(somebody(), bytes(200_000), n) for n in range(30)]
    durable.save_profiles(0, durable.acquire(0), saves)
    assert len(durable.load_profiles([save.person for save in saves])) == 30


def test_who_moved_to_another_partition_begins_there_anew(durable: Durable, somebody: New) -> None:
    who = somebody()
    durable.save_profiles(1, durable.acquire(1), [Save(who, b"1", 900)])
    durable.save_profiles(4, durable.acquire(4), [Save(who, b"2", 3)])
    assert durable.load_profiles([who])[who] == StoredProfile(b"2", 4, 3)


def test_saving_nothing_is_no_error(durable: Durable) -> None:
    durable.save_profiles(0, durable.acquire(0), [])


def test_making_what_is_missing_is_harmless_when_all_is_there(durable: Durable, somebody: New) -> None:
    who = somebody()
    durable.save_profiles(0, durable.acquire(0), [Save(who, b"1", 1)])
    durable.create()
    assert who in durable.load_profiles([who])
