"""From scored candidates to the items of a reply: pins join, rules arrange, and each item says why it stands where it does.

The ranker does it with its two hundred candidates, the edge with the lists of the lower rungs: the same rules on every rung.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from rayce.candidates import PINNED, Candidates, Wish
from rayce.circumstances import Circumstances
from rayce.ranking import Ranked, Slate
from rayce.rules.bound import Arranged, BoundRules
from rayce.shelf import NOTHING, Shelf


class Placement(NamedTuple):
    """Whom and what a reply is for, as rules see it: `bits` are the segments in force, `banned` what must not be shown."""

    circumstances: Circumstances
    bits: int
    now_ms: int
    limit: int
    explain: bool = False


def with_pins(
    shelf: Shelf, slate: Slate, bound: BoundRules, wanted: Placement, wish: Wish, banned: Collection[str]
) -> Slate:
    """The slate with those pinned items that were no candidates, scored as the last of them.

    A pin shows nothing that the caller excludes, that was just bought or is in the cart, or that was not asked for.
    """
    if wish.candidates:
        return slate
    pins = bound.pins(wanted.circumstances, wanted.bits, wanted.now_ms)
    if not pins:
        return slate
    if slate.found.tried < 1.0:  # where a pin wants one that is tried out, chance has no say
        slate = slate._replace(found=slate.found._replace(certain=(*slate.found.certain, *pins)))
    known = set(slate.found.items.tolist())
    more = [n for n in pins if n not in known and shelf.ids[n] not in banned and _is_asked_for(shelf, n, wish)]
    if not more:
        return slate
    low = float(slate.scores.min()) if len(slate.scores) else 0.0
    scores = np.concatenate([slate.scores, np.full(len(more), low)])
    return slate._replace(found=_joined(slate.found, more), scores=scores, order=np.argsort(-scores, kind="stable"))


def arranged(slate: Slate, bound: BoundRules | None, wanted: Placement) -> Arranged:
    """The places of the reply's items, best first."""
    if bound is None:
        places = slate.order[: wanted.limit].tolist()
        return Arranged(places, {}, slate.scores if wanted.explain else None)
    return bound.arrange(
        slate.found.items,
        slate.scores,
        wanted.circumstances,
        wanted.bits,
        wanted.now_ms,
        wanted.limit,
        wanted.explain,
    )


def explained(items: Sequence[Ranked], found: Arranged) -> list[Ranked]:
    """The items of those places with the rules that touched them, and what the rules made of their scores."""
    after = found.scores
    return [
        item._replace(
            rules=found.touched.get(place, ()),
            after_rules=item.score if after is None else round(float(after[place]), 4),
        )
        for item, place in zip(items, found.places, strict=True)
    ]


def _is_asked_for(shelf: Shelf, number: int, wish: Wish) -> bool:
    return not wish.categories or not shelf.category_sets[number].isdisjoint(wish.categories)


def _joined(found: Candidates, more: Sequence[int]) -> Candidates:
    size = len(more)
    return found._replace(
        items=np.concatenate([found.items, np.array(more, dtype=found.items.dtype)]),
        source=np.concatenate([found.source, np.full(size, PINNED, dtype=np.int8)]),
        list_score=np.concatenate([found.list_score, np.zeros(size, dtype=np.float32)]),
        list_rank=np.concatenate([found.list_rank, np.zeros(size, dtype=np.float32)]),
        session_score=np.concatenate([found.session_score, np.zeros(size, dtype=np.float32)]),
        because=np.concatenate([found.because, np.full(size, NOTHING, dtype=found.because.dtype)]),
    )
