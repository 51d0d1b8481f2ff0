"""How much a list is made from at most, and the room that the kernel needs for it."""

from typing import Any, NamedTuple

import numpy as np

from rayce.lists.parts import PARTS
from rayce.lists.tables import OF_KIND
from rayce.shelf import Floats, Ints

MOST_OWN = 256
"""Of more products that a person has the ones with the most recent and frequent purchases count."""
BEST, BEST_NEAR = 80, 40
"""Candidates that each of the tables of EASE^R names, and each of the others."""
BEST_EXPECTED = 80
"""Candidates for what the order of somebody's purchases leads one to expect."""
FAVOURITES = 8
"""Kinds of which the popular products come in."""
BEST_POPULAR = 100
"""Of the most popular of all: who has no history has a whole list of them."""
CANDIDATES = MOST_OWN + 2 * BEST + 2 * BEST_NEAR + BEST_EXPECTED + OF_KIND * FAVOURITES + BEST_POPULAR
LIMITS = np.array([MOST_OWN, BEST, BEST_NEAR, FAVOURITES, BEST_POPULAR, BEST_EXPECTED], dtype=np.int64)


class Room(NamedTuple):
    """What one thread needs. By item, kind, group and brand: as here before and after each person. `found` and `rows` hold the
    candidates and `PARTS` × candidates.
    """

    place: Ints
    scores: Floats
    touched: Ints
    kinds: Floats
    kind_items: Ints
    groups: Floats
    group_habit: Floats
    brands: Floats
    kind_counts: Floats
    kind_new: Floats
    lines: Floats
    found: Ints
    slot: Ints
    rows: Any
    limits: Any


def room_for(tables: Any) -> Room:
    """Room for the tables of one shelf."""
    n = len(tables.available)

    def zeros(numbers: Any) -> Floats:
        return np.zeros(int(numbers.max()) + 1 if len(numbers) else 1, dtype=np.float32)

    return Room(
        place=np.full(n, -1, dtype=np.int32),
        scores=np.zeros((4, n), dtype=np.float32),
        touched=np.empty(n, dtype=np.int32),
        kinds=zeros(tables.kind),
        kind_items=zeros(tables.kind).astype(np.int32),
        groups=zeros(tables.group),
        group_habit=zeros(tables.group),
        brands=zeros(tables.brand),
        kind_counts=zeros(tables.kind),
        kind_new=zeros(tables.kind),
        lines=zeros(tables.line),
        found=np.empty(CANDIDATES, dtype=np.int32),
        slot=np.empty(CANDIDATES, dtype=np.int32),
        rows=np.empty((len(PARTS), CANDIDATES)),
        limits=LIMITS,
    )
