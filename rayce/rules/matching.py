"""Which items of a shelf a rule is about, as masks over all of them, and which items are of one kind."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from rayce.rules.rule import By, Items
from rayce.shelf import Ints, Shelf

Mask = NDArray[np.bool_]
NO_KIND = -1
"""An item without a category or brand is of no kind: no cap and no penalty counts it."""


class Matching:
    """A shelf's items, looked up as rules need them; what many rules share is worked out once."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        number: dict[frozenset[str], int] = {}
        self._category = np.fromiter(
            (number.setdefault(each, len(number)) for each in shelf.category_sets), np.int32, len(shelf.ids)
        )
        self._category_sets = list(number)

    def mask(self, items: Items | None) -> Mask:
        """Which items the condition is about, but for `newer_than_days`, which depends on the moment."""
        shelf, size = self._shelf, len(self._shelf.ids)
        mask = np.ones(size, dtype=np.bool_)
        if items is None:
            return mask
        if items.category is not None:
            wanted = frozenset(items.category)
            mask &= _gathered((not wanted.isdisjoint(each) for each in self._category_sets), self._category)
        if items.brand is not None:
            brands = frozenset(items.brand)
            mask &= _gathered((name in brands for name in shelf.brands), shelf.brand)
        if items.ids is not None:
            listed = np.zeros(size, dtype=np.bool_)
            listed[shelf.numbers([str(item) for item in items.ids])] = True
            mask &= listed
        if items.price is not None:
            # in the shelf's own precision, so that 9.99 is not below 9.99; comparisons with NaN are False
            if items.price.below is not None:
                mask &= shelf.price < np.float32(items.price.below)
            if items.price.above is not None:
                mask &= shelf.price > np.float32(items.price.above)
            if items.price.between is not None:
                least, most = map(np.float32, items.price.between)
                mask &= (shelf.price >= least) & (shelf.price <= most)
        return mask

    def kinds(self, by: By) -> Ints:
        """Of each item, the number of its kind."""
        shelf = self._shelf
        if by == "category":
            unnamed, of = [not each for each in self._category_sets], self._category
        else:
            names, of = (shelf.brands, shelf.brand) if by == "brand" else (shelf.groups, shelf.group)
            unnamed = [not name for name in names]
        return np.where(_gathered(unnamed, of), NO_KIND, of).astype(np.int32)


def _gathered(of_each: Iterable[bool], number: Ints) -> Mask:
    return np.array([*of_each, False], dtype=np.bool_)[number]
