"""Baskets of the past as they would have been served: the candidates, their features, and which of them were taken.

The code that serves finds the candidates and computes the features, from the profile just before the moment: of a purchase, and
of a cart addition. What is in the cart is no candidate any more, so where everything is carted before it is bought, the moments
before it was carted are all that can be learnt from.

Tills tell of whole baskets only, so a model of such history would never learn what a product in the cart says about the rest.
For a share of those baskets a session is rehearsed: up to three products of the basket are folded in as cart additions just
before it, and the rest of the basket is to be foretold. Baskets with a real session before them are left as they are.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from rayce.candidates import Wish, find_candidates
from rayce.event import Event
from rayce.features.session import SESSION_GAP_MS
from rayce.fold import fold
from rayce.precomputed import List
from rayce.profile import Profile
from rayce.ranking import Matrix, ranking_matrix
from rayce.shelf import Ints, Shelf

ASKED = frozenset({"purchase", "add_to_cart"})
"""Event types before which a good reply would have shown the event's products."""
MAX_REVEALED = 3
REHEARSAL_LEAD_MS = 60_000


class Example(NamedTuple):
    """One basket: by candidate its item number, features and whether it was taken; and what else served then.

    `basket` is what was still to be foretold; `rehearsed` is True where a part of the basket was revealed before; `event_id` is
    of the purchase or cart addition.
    """

    at_ms: int
    profile: Profile
    listed: List
    basket: frozenset[str]
    items: Ints
    features: Matrix
    bought: NDArray[np.bool_]
    rehearsed: bool
    event_id: str = ""


class Examples:
    """Makes examples. `list_of` gives a person's precomputed list; `limit` and `wish` are those of serving."""

    def __init__(self, shelf: Shelf, list_of: Callable[[str], List], wish: Wish, limit: int) -> None:
        self._shelf, self._list_of, self._wish, self._limit = shelf, list_of, wish, limit

    def make(self, profile: Profile, event: Event, rehearsal: np.random.Generator | None = None) -> Example:
        """The example of a purchase or a cart addition, and the profile before it; an empty basket where all was in the cart.

        With `rehearsal`, which chooses what is revealed, a session is rehearsed before a purchase unless there was one.
        """
        basket = frozenset(line.item_id for line in event.items).difference(profile.cart)
        tills = rehearsal is not None and event.type == "purchase" and not _in_session(profile, event)
        rehearsed = tills and len(basket) > 1
        if rehearsed and rehearsal is not None:
            revealed = _revealed(event, len(basket) - 1, rehearsal)
            profile = fold(profile, revealed)
            basket -= {line.item_id for line in revealed.items}
        listed = self._list_of(event.person)
        found = find_candidates(self._shelf, profile, listed, self._wish, event.timestamp_ms, self._limit)
        return Example(
            at_ms=event.timestamp_ms,
            profile=profile,
            listed=listed,
            basket=basket,
            items=found.items,
            features=ranking_matrix(self._shelf, profile, found, event.timestamp_ms),
            bought=np.array([self._shelf.ids[n] in basket for n in found.items.tolist()], dtype=np.bool_),
            rehearsed=rehearsed,
            event_id=event.event_id,
        )


def chance_of(event: Event | str) -> np.random.Generator:
    """Chance that is the same for the same event (or id), in whatever order the log is read."""
    event_id = event if isinstance(event, str) else event.event_id
    return np.random.default_rng(int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest(), "big"))


def _revealed(event: Event, most: int, chance: np.random.Generator) -> Event:
    """The cart addition of up to `MAX_REVEALED` of the basket's products, at most `most`."""
    lines = list({line.item_id: line for line in event.items}.values())
    count = min(int(chance.integers(1, MAX_REVEALED + 1)), most)
    return replace(
        event,
        event_id=f"rehearsal-{event.event_id}",
        type="add_to_cart",
        timestamp_ms=event.timestamp_ms - REHEARSAL_LEAD_MS,
        items=tuple(lines[place] for place in chance.permutation(len(lines))[:count].tolist()),
    )


def _in_session(profile: Profile, event: Event) -> bool:
    """Whether something was touched or carted in the session that led to the purchase."""
    recent = event.timestamp_ms - profile.session.last_ms <= SESSION_GAP_MS
    same = profile.session.key == event.session if event.session else recent
    return bool(profile.cart) or (same and bool(profile.session.items))
