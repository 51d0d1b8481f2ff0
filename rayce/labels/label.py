"""One label as it is declared: which event, within which time, whether it happens or stays away."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from rayce.decay import DAY_MS
from rayce.event import BEHAVIOUR, Event

ANY = "any"
"""In place of an event type: whatever a person does by themselves."""
OWN = frozenset(BEHAVIOUR) - {"impression"}

Scalar = str | int | float | bool
Days = Annotated[float, Meta(gt=0, le=366)]


class Label(Struct, frozen=True, forbid_unknown_fields=True):
    """That one of these events, with these properties, follows within so many days; with `absent`, that none does."""

    event: str | tuple[str, ...]
    within_days: Days
    where: Mapping[str, Scalar] = {}
    absent: bool = False
    description: Annotated[str, Meta(max_length=500)] = ""

    @property
    def within_ms(self) -> int:
        """The time, in milliseconds."""
        return int(self.within_days * DAY_MS)

    @property
    def types(self) -> frozenset[str]:
        """The event types."""
        if self.event == ANY:
            return OWN
        return frozenset((self.event,) if isinstance(self.event, str) else self.event)

    def is_met_by(self, event: Event) -> bool:
        """Whether this event is one of them."""
        if event.type not in self.types:
            return False
        told = event.properties
        return all(name in told and _same(told[name], value) for name, value in self.where.items())

    def __str__(self) -> str:
        """In words, for messages and reports.

        >>> str(Label("purchase", 7.0)), str(Label("any", 30.0, absent=True))
        ('purchase within 7 days', 'no event of their own within 30 days')
        """
        what = "event of their own" if self.event == ANY else " or ".join(sorted(self.types))
        where = "".join(f", {name} = {value}" for name, value in self.where.items())
        return f"{'no ' if self.absent else ''}{what}{where} within {self.within_days:g} days"


def _same(one: object, other: object) -> bool:
    """Equal, and both truth values or neither: 1 is not `true`."""
    return one == other and isinstance(one, bool) is isinstance(other, bool)
