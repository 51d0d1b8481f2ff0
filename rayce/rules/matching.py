"""Which items of a shelf a rule is about, as masks over all of them, and which items are of one kind."""

import numpy as np
from numpy.typing import NDArray

from rayce.rules.rule import By, Items
from rayce.shelf import Ints, Shelf

Mask = NDArray[np.bool_]
NO_KIND = -1
"""An item without a category or brand is of no kind: no cap and no penalty counts it."""


def item_mask(shelf: Shelf, items: Items | None) -> Mask:
    """Over all items, but for `newer_than_days`, which depends on the moment."""
    size = len(shelf.ids)
    mask = np.ones(size, dtype=np.bool_)
    if items is None:
        return mask
    if items.category is not None:
        wanted = frozenset(items.category)
        hit = {each: not wanted.isdisjoint(each) for each in set(shelf.category_sets)}
        mask &= np.fromiter((hit[each] for each in shelf.category_sets), np.bool_, size)
    if items.brand is not None:
        brands = frozenset(items.brand)
        mask &= np.fromiter((name in brands for name in shelf.brands), np.bool_, len(shelf.brands))[shelf.brand]
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


def kinds(shelf: Shelf, by: By) -> Ints:
    """Of each item, the number of its kind."""
    if by == "category":
        number: dict[frozenset[str], int] = {frozenset(): NO_KIND}
        distinct = (number.setdefault(each, len(number)) for each in shelf.category_sets)
        return np.fromiter(distinct, np.int32, len(shelf.ids))
    names, of = (shelf.brands, shelf.brand) if by == "brand" else (shelf.groups, shelf.group)
    unnamed = np.fromiter((not name for name in names), np.bool_, len(names))
    return np.where(unnamed[of], NO_KIND, of).astype(np.int32)
