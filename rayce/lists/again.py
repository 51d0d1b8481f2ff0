"""How soon what somebody bought may be listed for them again."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rayce.errors import InvalidSettings
from rayce.lists.settings import NEVER_AGAIN
from rayce.shelf import Shelf


def again_days(shelf: Shelf, otherwise: float, by_category: Mapping[str, float]) -> NDArray[np.float64]:
    """By item, the days that it stays away; infinite: for ever. Of the categories named the one of fewest items counts.

    `InvalidSettings` where a category's days are neither -1 nor at least 0.
    """
    size = dict.fromkeys(by_category, 0)
    for categories in shelf.category_sets:
        for name in categories.intersection(size):
            size[name] += 1
    for name, days in by_category.items():
        if days < 0 and days != NEVER_AGAIN:
            raise InvalidSettings(
                f"lists.again_days_by_category.{name}: {days} is neither -1 nor at least 0", name, days
            )
    found = np.array(
        [
            by_category[min(named, key=lambda name: (size[name], name))] if named else otherwise
            for named in (categories.intersection(size) for categories in shelf.category_sets)
        ],
        dtype=np.float64,
    )
    return np.where(found < 0, np.inf, found)
