"""When each item was first seen."""

from collections.abc import Mapping, Sequence

import numpy as np

from rayce.event import LATEST_MS
from rayce.interactions import Interactions
from rayce.item import Item
from rayce.shelf import Moments


def first_seen(
    items: Sequence[Item], interactions: Interactions, until_ms: int, known_since: Mapping[str, int]
) -> Moments:
    """When each item was first seen, 0 where nobody knows.

    The item's own attribute `added_ms` counts; else the earliest of what the former shelf says and the first event. What came
    into the catalogue since the former shelf, and nobody touched, is as new as can be.
    """
    never = np.iinfo(np.int64).max
    found = np.full(len(items), never)
    np.minimum.at(found, interactions.item, interactions.at_ms)
    for n, item in enumerate(items):
        own, before = item.attributes.get("added_ms"), known_since.get(item.item_id)
        if type(own) is int and 0 < own <= LATEST_MS:
            found[n] = own
        elif before is not None:
            found[n] = min(before, int(found[n])) if before else 0
        elif found[n] == never:
            found[n] = until_ms if known_since else 0
    return found
