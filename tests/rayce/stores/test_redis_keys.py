"""Keys: what a script touches together is in one slot, and no two things share a key."""

import uuid

from redis.crc import key_slot

from rayce.stores.redis_keys import TAGS, Keys


def somebody() -> str:
    return f"k1:{uuid.uuid4().hex}"


def test_a_person_and_the_lists_it_is_in_have_one_slot_whatever_the_tenants_name() -> None:
    for buckets in (1, 4, 1_024, 16_384, 625_000):
        keys = Keys(buckets)
        for _ in range(200):
            who = somebody()
            home = keys.home(who)
            lists = [keys.list_of(who, bit, tenant) for bit in (0, 1023) for tenant in ("shop", "{1}", "ü:5")]
            assert len({key_slot(key) for key in (home.flags, home.state, home.guard, *lists)}) == 1


def test_every_bucket_has_a_key_of_its_own_in_which_its_people_live() -> None:
    keys = Keys(5_000)
    found = [keys.bucket(number) for number in range(5_000)]
    assert len(set(found)) == 5_000
    assert all(keys.home(somebody()).flags in set(found) for _ in range(50))


def test_guards_of_two_people_of_one_tag_but_of_two_buckets_are_apart() -> None:
    """Their fields may be the same."""
    keys, field = Keys(2 * TAGS), "ab" * 6 + "0000"
    one, other = f"k1:{field}{5:016x}", f"k1:{field}{TAGS + 5:016x}"
    assert keys.home(one).field == keys.home(other).field
    assert keys.home(one).guard != keys.home(other).guard


def test_a_member_keeps_the_whole_pseudonym() -> None:
    for kid in ("k", "k1", "2026-11"):
        who = f"{kid}:{uuid.uuid4().hex}"
        assert Keys.person(Keys.member(who)) == who


def test_the_parts_of_a_list_are_where_its_members_are() -> None:
    keys = Keys(16_384)
    parts = {Keys.list_part(tag, 7, "shop") for tag in range(TAGS)}
    assert len(parts) == TAGS
    assert all(keys.list_of(somebody(), 7, "shop") in parts for _ in range(50))
