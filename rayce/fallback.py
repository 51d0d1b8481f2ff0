"""What a page shows when rayce does not answer: the last good list that was nobody's own, else what the page has given.

Only lists that were made without looking at a person are kept: what is shown to somebody else later must tell of nobody.
"""

from collections import OrderedDict
from collections.abc import Container, Hashable, Sequence

from rayce.replies import RecommendedItem

SERVED = "client"
"""The rung below all others: the reply was made by the client."""


class LastGood:
    """The last good list by what was asked for; so many at the most, the ones asked for longest ago go first."""

    def __init__(self, kept: int = 256) -> None:
        self._kept = kept
        self._lists: OrderedDict[Hashable, list[RecommendedItem]] = OrderedDict()

    def keep(self, key: Hashable, items: list[RecommendedItem], is_personal: bool) -> None:
        """Remember a list, unless it is somebody's own, or empty."""
        if is_personal or not items:
            return
        self._lists[key] = items
        self._lists.move_to_end(key)
        while len(self._lists) > self._kept:
            self._lists.popitem(last=False)

    def items(
        self, key: Hashable, given: Sequence[str], limit: int | None, exclude: Container[str] = ()
    ) -> list[RecommendedItem]:
        """The list that was kept, filled up with what was given; without what is excluded, none twice.

        >>> [item.item_id for item in LastGood().items("home", ["p1", "p2", "p1", "p3"], 2, {"p2"})]
        ['p1', 'p3']
        """
        found = {item.item_id: item for item in self._lists.get(key, ())}
        for item_id in given:
            found.setdefault(item_id, RecommendedItem(item_id))
        allowed = [item for item in found.values() if item.item_id not in exclude]
        return allowed if limit is None else allowed[:limit]
