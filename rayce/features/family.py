"""What a family of features is: what an event writes and what a request reads, in one place, so that live and batch agree.

A new family is one file with one class, listed in `rayce.features.feature_set`; `rayce.features.checks` is the suite that every
family has to survive.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from rayce.event import Event
from rayce.profile import Profile

Number = Callable[[Profile, int], float]
"""A feature's value of (profile, moment in ms)."""
Word = Callable[[Profile, int], str]
"""The same of a categorical feature; empty where nothing is known."""

NEVER_DAYS = 3_650.0
"""Stands for "never happened" where a feature counts days since."""


class Plain:
    """A family is made without arguments, so it travels to another process (pickled) as its class."""

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return type(self), ()


class Family(Protocol):
    """Features that are computed from one piece of state."""

    @property
    def name(self) -> str:
        """Names the family in the catalogue of features, and its piece of `Profile.states`."""
        ...

    @property
    def types(self) -> frozenset[str]:
        """The event types that change its state."""
        ...

    @property
    def numbers(self) -> Mapping[str, Number]:
        """Its numeric features, each with a value for every profile, also an empty one."""
        ...

    @property
    def words(self) -> Mapping[str, Word]:
        """Its categorical features."""
        ...

    def write(self, profile: Profile, event: Event) -> None:
        """Fold the event in. `profile` is the fold's own copy: set its attributes (or its entry of `states`), but change
        nothing inside of what they held before. By the event's own time, in any order of times, and bounded.
        """
        ...
