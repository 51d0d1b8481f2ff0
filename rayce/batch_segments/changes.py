"""What a run would change: who enters and who leaves, sizes and overlaps before and after, and whether that is too much."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayce.event import SEGMENT_OVERRIDE, VERSION, Event, encode_event

Members = NDArray[np.bool_]


class Size(Struct, frozen=True):
    """A segment's people before and after, how many enter and leave, and the share of the members that this is."""

    name: str
    before: int
    after: int
    enter: int
    leave: int

    @property
    def change(self) -> float:
        """Of a segment that nobody was in nothing is changed: it is filled."""
        return (self.enter + self.leave) / self.before if self.before else 0.0


class Overlap(Struct, frozen=True):
    """People in both segments, before and after, and their share of those in either after (Jaccard)."""

    one: str
    other: str
    before: int
    after: int
    jaccard: float


def sizes(before: Mapping[str, Members], after: Mapping[str, Members]) -> list[Size]:
    """Of each segment of `after`."""
    found = []
    for name, then in after.items():
        now = before[name]
        entered, left = int((then & ~now).sum()), int((now & ~then).sum())
        found.append(Size(name, int(now.sum()), int(then.sum()), entered, left))
    return found


def overlaps(before: Mapping[str, Members], after: Mapping[str, Members]) -> list[Overlap]:
    """Exact, of each segment that is built (`after`) with each other one of `before`, the largest share first.

    A bit a person: a million people and a hundred segments are 12 MB.
    """
    had = {name: np.packbits(members) for name, members in before.items()}
    have = had | {name: np.packbits(members) for name, members in after.items()}
    counts = {name: _count(bits) for name, bits in have.items()}
    found = []
    names = list(before)
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            if one not in after and other not in after:
                continue
            was, both = _count(had[one] & had[other]), _count(have[one] & have[other])
            if was or both:
                either = counts[one] + counts[other] - both
                found.append(Overlap(one, other, was, both, round(both / either, 6) if either else 0.0))
    return sorted(found, key=lambda each: (-each.jaccard, -each.before, each.one, each.other))


def too_much(size: Size, most: float) -> str:
    """Why the change is refused; "" where it is not."""
    if size.change <= most:
        return ""
    return (
        f"`{size.name}` has {size.before:,} people; {size.enter:,} would enter and {size.leave:,} leave, which is"
        f" {size.change:.0%} of it, and max_change allows {most:.0%}"
    )


def override_records(
    people: Sequence[str],
    before: Mapping[str, Members],
    after: Mapping[str, Members],
    confirmed: frozenset[str],
    tenant: str,
    now_ms: int,
) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of one control event for each person of whom something changes, by pseudonym.

    Segments in `confirmed` are short-lived: who stays in is said as well. The same run writes the same bytes again.
    """
    told = {name: (then != before[name]) | (then & (name in confirmed)) for name, then in after.items()}
    anyone = np.zeros(len(people), dtype=np.bool_)
    for changed in told.values():
        anyone |= changed
    for row in np.flatnonzero(anyone).tolist():
        person = people[row]
        properties: dict[str, str | int | float | bool] = {
            name: bool(after[name][row]) for name, changed in told.items() if changed[row]
        }
        said = blake2b(repr((person, now_ms, sorted(properties.items()))).encode(), digest_size=16).hexdigest()
        event = Event(VERSION, f"segments-{said}", SEGMENT_OVERRIDE, tenant, person, now_ms, properties=properties)
        yield person.encode(), encode_event(event)


def _count(bits: NDArray[np.uint8]) -> int:
    return int(np.bitwise_count(bits).sum())
