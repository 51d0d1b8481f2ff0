"""What lists are made from: everybody's histories under one order of people, and what of them may be learned from."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from rayce.column_history import ColumnHistory
from rayce.features.feature_set import FeatureSet
from rayce.history import History, replay
from rayce.interactions import Interactions, gather
from rayce.lists.histories import Histories, histories_of
from rayce.profile import Profile


class Source(NamedTuple):
    """`persons` by number; person n's rows are `histories.people(n, n + 1)`. `taught` may be learned from.
    `until_ms` is when the last event was.
    """

    persons: list[str]
    histories: Histories
    taught: Interactions
    until_ms: int

    def seal(self) -> str:
        """A digest of what may be learned from, and of the moment."""
        digest = blake2b(str(self.until_ms).encode(), digest_size=8)
        for column in (self.taught.person, self.taught.item, self.taught.at_ms, self.taught.bought, self.taught.weight):
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()


def source_of(history: History, teaching: History, number: Mapping[str, int], features: FeatureSet) -> Source:
    """`history` is what lists may be made of, `teaching` what may be learned from: a part of it."""
    people: dict[str, Profile] = {}
    own = gather(replay(history.events(), people, features=features), number)
    persons = list(dict.fromkeys([*own.persons, *people]))
    people.clear()
    same = len(teaching.values) == len(history.values)
    taught = own if same else gather(replay(teaching.events(), {}, features=features), number)
    return Source(persons, histories_of(own, len(persons)), taught, history.until_ms)


def source_of_columns(history: ColumnHistory, teaching: ColumnHistory) -> Source:
    """The same from the lake's columns."""
    histories = histories_of(history.interactions, len(history.persons))
    taught = teaching.interactions._replace(persons=teaching.persons)
    return Source(list(history.persons), histories, taught, history.until_ms)
