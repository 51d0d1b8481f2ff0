"""Newly learned weights against the live lists: on what people bought since those were made, before anything is published.

The new weights make lists as of the moment of the live ones, from what was known then; the live ones are taken as they are
stored. (The weights may have learned from some of what is then foretold: that favours them a little, and what is broken shows.)
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rayce.affinities import build
from rayce.evaluation.comparison import measured
from rayce.evaluation.measures import LIMIT
from rayce.item import Item
from rayce.lists.blend import Blend
from rayce.lists.expected import Expectation
from rayce.lists.maker import ListMaker
from rayce.lists.source import Source
from rayce.lists.tables import make_tables
from rayce.precomputed import decode_list
from rayce.sequence.learnt import Learnt
from rayce.verdict import FIRST, MIN_CASES, Verdict, verdict

MOST_PEOPLE = 2_000
SEED = 20_26

Stored = Callable[[Sequence[str]], Mapping[str, bytes]]
"""The live lists of people, as stored."""


def against_live(
    items: Sequence[Item],
    source: Source,
    blend: Blend,
    as_of_ms: int,
    stored: Stored,
    near: int,
    past: Learnt | None = None,
) -> Verdict:
    """The verdict on the people (of many a sample) who had a live list as of `as_of_ms` and have bought something since.

    `near` is how many neighbours of EASE^R the tables keep; `past` is what the order of purchases had taught
    before the oldest moment that the blend was learned from: it knows nothing of what was bought since. Too few people, or a
    moment before all history: nothing to compare.
    """
    taught = source.taught
    before = taught.where(taught.at_ms < as_of_ms)
    later = taught.where((taught.at_ms >= as_of_ms) & taught.bought)
    wanted: dict[str, set[str]] = {}
    for person, item in zip(later.person.tolist(), later.item.tolist(), strict=True):
        wanted.setdefault(taught.persons[person], set()).add(items[item].item_id)
    number = {person: n for n, person in enumerate(source.persons)}
    people = sorted(wanted.keys() & number.keys())
    if len(people) > MOST_PEOPLE:
        chosen = np.random.default_rng(SEED).choice(len(people), MOST_PEOPLE, replace=False)
        people = [people[n] for n in np.sort(chosen).tolist()]
    theirs = stored(people) if people else {}
    people = [person for person in people if person in theirs]
    if len(people) < MIN_CASES or not len(before.item):
        return FIRST
    shelf = build(items, before, as_of_ms).shelf
    expectation = None if past is None else Expectation(past, before, len(items))
    maker = ListMaker(make_tables(shelf, before, as_of_ms, near), blend, expectation=expectation)
    own = source.histories.until(as_of_ms).of(np.array([number[person] for person in people], dtype=np.intp))
    ours = maker.block(own, as_of_ms, LIMIT).lists(shelf.ids)
    truth = [frozenset(wanted[person]) for person in people]
    live = [[item for item, _score in decode_list(theirs[person])[:LIMIT]] for person in people]
    return verdict(measured([[item for item, _score in each] for each in ours], truth), measured(live, truth))
