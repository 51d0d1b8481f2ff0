"""The job that sets batch segments: what it writes, what it refuses, and that the stream does it."""

import pytest

from jobs.set_segment import BATCH, check_batch, set_segment
from rayce.errors import InvalidInput
from rayce.event import decode_event
from rayce.profile import decode_profile
from rayce.segments.catalogue import parse_catalogue
from tests.cluster.stream.world import World
from tests.samples import T0, event, person

CATALOGUE = parse_catalogue(
    "{version: 1, segments: [{name: vip, bit: 3, kind: batch},"
    " {name: active, bit: 4, kind: rule, triggers: [view], when: {feature: events, ge: 1}}]}"
)


def person_of(user: str) -> str:
    return person(int(user))


def written(users: list[str], member: bool) -> list[bytes]:
    values: list[bytes] = []
    count = set_segment(
        users, "shop", "vip", member, person_of, T0, lambda batch: values.extend(v for _key, v in batch)
    )
    assert count == len(users) == len(values)
    return values


def test_one_event_a_user_with_what_it_says() -> None:
    found = [decode_event(value) for value in written([str(n) for n in range(BATCH + 3)], True)]
    assert {each.type for each in found} == {"segment_override"}
    assert [each.person for each in found] == [person(n) for n in range(BATCH + 3)]
    assert all(each.properties == {"vip": True} and each.tenant == "shop" for each in found)
    assert len({each.event_id for each in found}) == len(found)


@pytest.mark.parametrize("name, why", [("hats", "no segment"), ("active", "of the kind rule")])
def test_what_is_no_batch_segment_is_refused(name: str, why: str) -> None:
    check_batch(CATALOGUE, "vip")
    with pytest.raises(InvalidInput, match=why):
        check_batch(CATALOGUE, name)


def test_the_stream_puts_them_in_and_takes_them_out() -> None:
    world = World(CATALOGUE)
    world.send([event("view", who=1), event("view", who=2)])
    world.send([decode_event(value) for value in written(["1", "2", "9"], True)])
    world.send([decode_event(value) for value in written(["2"], False)])
    world.work_off_in_order()
    flags = {who: decode_profile(world.states()[person(who)]).flags for who in (1, 2)}
    assert flags == {1: 0b11000, 2: 0b10000}
    assert person(9) not in world.states(), "nothing is known of them"
