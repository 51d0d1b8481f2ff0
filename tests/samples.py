"""People, events and profiles for tests: plain ones by name, and random ones (hypothesis)."""

from typing import Any

from hypothesis import strategies as st

from rayce.decay import DAY_MS
from rayce.event import BEHAVIOUR, VERSION, Event, Line
from rayce.profile import Profile

T0 = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""
YES = 1
"""Purposes of somebody who allows personalization and nothing else."""


def person(number: int = 1) -> str:
    """A pseudonym."""
    return f"k1:{number:032x}"


def event(kind: str = "view", *items: str, at: int = T0, who: int | str = 1, **more: Any) -> Event:
    """An event of somebody who allows personalization; ids are made from all the rest, so equal events repeat."""
    given: dict[str, Any] = {"tenant": "shop", "consent": YES, **more}
    lines = given.pop("lines", tuple(Line(item, 1, 2.5) for item in items))
    whom = who if isinstance(who, str) else person(who)
    name = given.pop("event_id", f"{kind}-{whom[-4:]}-{at}-{'-'.join(line.item_id for line in lines)}"[:64])
    return Event(version=VERSION, event_id=name, type=kind, person=whom, timestamp_ms=at, items=lines, **given)


def folded(*events: Event, start: Profile | None = None) -> Profile:
    """The profile after the events."""
    from rayce.fold import fold

    profile = start or Profile()
    for each in events:
        profile = fold(profile, each)
    return profile


item_ids = st.sampled_from([f"p{n}" for n in range(12)]) | st.text(min_size=1, max_size=128)
moments = st.integers(T0 - 40 * DAY_MS, T0 + 40 * DAY_MS) | st.integers(0, 4_102_444_800_000)
lines = st.builds(
    Line,
    item_id=item_ids,
    quantity=st.integers(1, 1_000_000),
    price=st.none() | st.floats(0, 1e9, allow_nan=False),
)
scalars = st.text(max_size=20) | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.booleans()


def events(people: int = 3, **fixed: Any) -> st.SearchStrategy[Event]:
    """Any event that the log may hold, of a few people and with ids that repeat now and then."""
    parts: dict[str, Any] = {
        "version": st.just(VERSION),
        "event_id": st.integers(0, 400).map(lambda n: f"e{n}"),
        "type": st.sampled_from(BEHAVIOUR)
        | st.sampled_from([*BEHAVIOUR, "consent_changed", "erased", "segment_override"]),
        "tenant": st.just("shop"),
        "person": st.integers(1, people).map(person),
        "timestamp_ms": moments,
        "session": st.sampled_from(["", "", "a1", "b2"]),
        "items": st.lists(lines, max_size=5).map(tuple),
        "context": st.dictionaries(st.text(max_size=8), scalars, max_size=2),
        "properties": st.dictionaries(st.text(max_size=8), scalars, max_size=2),
        "consent": st.sampled_from([1, 1, 1, 1, 3, 7, 0, 2]),
    }
    return st.builds(Event, **{name: fixed.get(name, part) for name, part in parts.items()})


def histories(most: int = 60, **fixed: Any) -> st.SearchStrategy[list[Event]]:
    """Events in the order of the log."""
    return st.lists(events(**fixed), max_size=most)
