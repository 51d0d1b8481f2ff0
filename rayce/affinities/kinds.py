"""Which category leads to which, and which brand: what people who touched a kind touch in the same session or the next ones."""

import numpy as np

from rayce.affinities.following import following, walk_of
from rayce.affinities.tables import Table, blended
from rayce.affinities.together import neighbours
from rayce.interactions import Interactions
from rayce.shelf import Ints

NEAR_KINDS = 10


def near_kinds(interactions: Interactions, kind: Ints, n_kinds: int, nameless: int, until_ms: int) -> Table:
    """n_kinds × `NEAR_KINDS` kinds, best first; `kind` is that of each item, `nameless` (or -1) the one that is none."""
    named = kind[interactions.item] != nameless
    rows = interactions.where(named)
    of = kind[rows.item]
    met = Table(*neighbours(rows.session, of, n_kinds, NEAR_KINDS))
    after = following(walk_of(rows.person, rows.session, of, rows.at_ms), n_kinds, until_ms, NEAR_KINDS)
    return blended([(met, 1.0), (after, 1.0)], max(n_kinds, 1), NEAR_KINDS)


def number_of(names: list[str], name: str) -> int:
    """Its number among the names, -1 where it is not there."""
    return names.index(name) if name in names else -1


def share_with_any(table: Table) -> float:
    """How many of the kinds lead anywhere."""
    return float(np.mean(table.at_all())) if len(table.near) else 0.0
