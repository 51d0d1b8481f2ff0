"""Bad input in the log: a dead letter each, with the bytes as they were, and the stream goes on (docs/features.md)."""

import pytest

from rayce.event import Event, encode_event
from rayce.features.family import Number, Plain, Word
from rayce.features.feature_set import OPTIONAL, FeatureSet
from rayce.profile import Profile, decode_profile
from tests.cluster.stream.world import World
from tests.rayce.test_bad_events import UNDECODABLE, record
from tests.samples import T0, event, person


@pytest.mark.parametrize("name", UNDECODABLE)
def test_what_may_not_be_in_the_log_is_a_dead_letter_and_the_next_event_counts(name: str) -> None:
    world, wrong = World(), record(**UNDECODABLE[name])
    world.send([event("view", "p1")])
    world.send_raw(wrong, key=person())
    world.send([event("view", "p2", at=T0 + 1)])
    world.work_off_in_order()
    ((letter, reason),) = world.dead
    assert letter.value == wrong
    assert reason.startswith("not an event: ")
    assert decode_profile(world.states()[person()]).events == 2


class Poisoned(Plain):
    """Breaks on one product."""

    name = "poisoned"
    types = frozenset({"view"})
    numbers: dict[str, Number] = {}  # noqa: RUF012  # as `Family` has it
    words: dict[str, Word] = {}  # noqa: RUF012

    def write(self, profile: Profile, event: Event) -> None:
        if any(line.item_id == "poison" for line in event.items):
            raise ZeroDivisionError("a family breaks")
        profile.states[self.name] = profile.states.get(self.name, 0) + 1


def test_an_event_on_which_a_family_breaks_is_a_dead_letter_and_nothing_of_it_is_kept() -> None:
    """Not even by the families that came before."""
    world = World()
    world.features = FeatureSet((*OPTIONAL, Poisoned()))
    poison = event("view", "poison", at=T0 + 1)
    world.send([event("view", "p1"), poison, event("view", "p2", at=T0 + 2)])
    world.work_off_in_order()
    ((letter, reason),) = world.dead
    assert (letter.value, reason) == (encode_event(poison), "ZeroDivisionError: a family breaks")
    profile = decode_profile(world.states()[person()])
    assert (profile.events, profile.states["poisoned"], profile.touched.keys()) == (2, 2, {"p1", "p2"})
