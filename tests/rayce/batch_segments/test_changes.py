"""Who enters and leaves, sizes and overlaps to the head, and the events that say it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.batch_segments.changes import Members, overlaps, override_records, sizes, too_much
from rayce.event import decode_event
from tests.samples import T0, person

memberships = st.integers(1, 20).flatmap(
    lambda people: st.dictionaries(
        st.sampled_from(["a", "b", "c", "d"]),
        st.tuples(*[st.lists(st.booleans(), min_size=people, max_size=people)] * 2),
        min_size=1,
    )
)


def arrays(found: dict[str, tuple[list[bool], list[bool]]]) -> tuple[dict[str, Members], dict[str, Members]]:
    """Before, of all; after, of all but one that is not built."""
    return {n: np.array(b) for n, (b, _) in found.items()}, {n: np.array(a) for n, (_, a) in found.items() if n != "d"}


@given(memberships)
def test_sizes_and_overlaps_are_those_of_sets(found: dict[str, tuple[list[bool], list[bool]]]) -> None:
    before, after = arrays(found)
    old = {name: set(np.flatnonzero(members).tolist()) for name, members in before.items()}
    new = {name: set(np.flatnonzero(after.get(name, before[name])).tolist()) for name in before}
    for size in sizes(before, after):
        one, other = old[size.name], new[size.name]
        assert (size.before, size.after) == (len(one), len(other))
        assert (size.enter, size.leave) == (len(other - one), len(one - other))
    told = {(each.one, each.other): each for each in overlaps(before, after)}
    for (one_, other_), each in told.items():
        assert one_ in after or other_ in after
        assert (each.before, each.after) == (len(old[one_] & old[other_]), len(new[one_] & new[other_]))
        assert each.jaccard == round(len(new[one_] & new[other_]) / max(len(new[one_] | new[other_]), 1), 6)
    pairs = [(a, b) for i, a in enumerate(before) for b in list(before)[i + 1 :] if a in after or b in after]
    assert set(told) == {(a, b) for a, b in pairs if old[a] & old[b] or new[a] & new[b]}


@given(memberships, st.booleans())
def test_the_events_make_before_to_after_and_say_nothing_else(
    found: dict[str, tuple[list[bool], list[bool]]], short: bool
) -> None:
    before, after = arrays(found)
    people = [person(n) for n in range(len(next(iter(before.values()))))]
    confirmed = frozenset({"a"}) if short else frozenset[str]()
    written = list(override_records(people, before, after, confirmed, "shop", T0))
    assert written == list(override_records(people, before, after, confirmed, "shop", T0)), "the same bytes again"
    events = [decode_event(value) for _key, value in written]
    assert len({each.event_id for each in events}) == len(events) and [e.person for e in events] == sorted(
        {e.person for e in events}
    )
    now = {name: members.copy() for name, members in before.items()}
    for (key, _value), each in zip(written, events, strict=True):
        assert key == each.person.encode() and each.type == "segment_override" and each.timestamp_ms == T0
        row = people.index(each.person)
        for name, member in each.properties.items():
            assert now[name][row] != member or (name in confirmed and member)
            now[name][row] = member
    for name in after:
        assert np.array_equal(now[name], after[name])


@pytest.mark.parametrize("before, enter, leave, refused", [(0, 50, 0, False), (100, 25, 0, False), (100, 20, 6, True)])
def test_more_than_is_declared_is_too_much(before: int, enter: int, leave: int, refused: bool) -> None:
    had = np.array([True] * before + [False] * (200 - before))
    then = had.copy()
    then[before : before + enter] = True
    then[:leave] = False
    (size,) = sizes({"vip": had}, {"vip": then})
    why = too_much(size, 0.25)
    assert bool(why) is refused and (not refused or "`vip` has 100 people; 20 would enter and 6 leave" in why)


def test_a_mutant_that_counts_only_who_enters_is_caught() -> None:
    had, then = np.array([True] * 4), np.array([False] * 4)
    (size,) = sizes({"vip": had}, {"vip": then})
    assert too_much(size, 0.99) and size.enter / size.before == 0.0
