"""What was known at a moment of the past: the shelf, everybody's profile, and the lists that a job would have made then."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from rayce.affinities import build_shelf
from rayce.event import Event
from rayce.features.feature_set import ALL, FeatureSet
from rayce.history import replay
from rayce.interactions import Interactions, gather
from rayce.item import Item
from rayce.lists.blend import Blend
from rayce.lists.histories import histories_of
from rayce.lists.learning import learn
from rayce.lists.maker import ListMaker
from rayce.lists.tables import make_tables
from rayce.precomputed import List
from rayce.profile import Profile
from rayce.segments.catalogue import Catalogue
from rayce.segments.evaluation import Scorers
from rayce.shelf import Shelf

LEARNED_FROM = 2
"""Windows before the moment from which the parts' weights are learned: fewer than the job's, for the time it takes."""


class Lists:
    """Everybody's list as of a moment, each made when first asked for, as `jobs.build_recommendations` makes it."""

    def __init__(
        self, shelf: Shelf, interactions: Interactions, people: dict[str, Profile], at_ms: int, blend: Blend
    ) -> None:
        self.blend = blend
        self._ids, self._people, self._at_ms = shelf.ids, people, at_ms
        self._maker = ListMaker(make_tables(shelf, interactions, at_ms), blend)
        self._histories = histories_of(interactions, len(interactions.persons))
        self._number = {person: n for n, person in enumerate(interactions.persons)}
        self._made: dict[str, List] = {}

    def of(self, person: str) -> List:
        """The person's list; empty for somebody who was not known then."""
        if person not in self._made:
            self._made[person] = self._make(person) if person in self._people else []
        return self._made[person]

    def _make(self, person: str) -> List:
        number = [self._number[person]] if person in self._number else []
        own = self._histories.of(np.array(number, dtype=np.intp)) if number else self._histories.nobody()
        return self._maker.block(own, self._at_ms).lists(self._ids)[0]


class Past(NamedTuple):
    """What was known at `at_ms`."""

    at_ms: int
    shelf: Shelf
    people: dict[str, Profile]
    lists: Lists


def remember(
    earlier: Iterable[Event],
    items: Sequence[Item],
    at_ms: int,
    catalogue: Catalogue | None = None,
    models: Scorers | None = None,
    features: FeatureSet = ALL,
    blend: Blend | None = None,
) -> Past:
    """What the events before `at_ms` told of these items and of everybody; with a catalogue also who was in which segment.

    `blend` weighs the parts of the lists; None: it is learned from these events, which takes most of the time of all this.
    """
    people: dict[str, Profile] = {}
    moments = replay(earlier, people, catalogue, models, features)
    interactions = gather(moments, {item.item_id: n for n, item in enumerate(items)})
    shelf = build_shelf(items, interactions, at_ms)
    if blend is None:
        from_ms = int(interactions.at_ms.min()) if len(interactions.at_ms) else at_ms
        blend = learn(items, interactions, from_ms, at_ms, cuts=LEARNED_FROM)
    return Past(at_ms, shelf, people, Lists(shelf, interactions, people, at_ms, blend))
