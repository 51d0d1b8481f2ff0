"""What was known at a moment of the past: the shelf, everybody's profile, and the lists that a job would have made then."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rayce.affinities import build_shelf
from rayce.event import Event
from rayce.history import replay
from rayce.interactions import gather
from rayce.item import Item
from rayce.personal_lists import ListMaker
from rayce.precomputed import List
from rayce.profile import Profile
from rayce.shelf import Shelf


class Lists:
    """Everybody's list as of a moment, each made when first asked for, as `jobs.build_recommendations` makes it."""

    def __init__(self, shelf: Shelf, people: dict[str, Profile], at_ms: int) -> None:
        self._maker, self._people, self._at_ms = ListMaker(shelf), people, at_ms
        self._made: dict[str, List] = {}

    def of(self, person: str) -> List:
        """The person's list; empty for somebody who was not known then."""
        if person not in self._made:
            profile = self._people.get(person)
            self._made[person] = self._maker.make(profile, self._at_ms) if profile else []
        return self._made[person]


class Past(NamedTuple):
    """What was known at `at_ms`."""

    at_ms: int
    shelf: Shelf
    people: dict[str, Profile]
    lists: Lists


def remember(earlier: Iterable[Event], items: Sequence[Item], at_ms: int) -> Past:
    """What the events before `at_ms` told of these items and of everybody."""
    people: dict[str, Profile] = {}
    interactions = gather(replay(earlier, people), {item.item_id: n for n, item in enumerate(items)})
    shelf = build_shelf(items, interactions, at_ms)
    return Past(at_ms, shelf, people, Lists(shelf, people, at_ms))
