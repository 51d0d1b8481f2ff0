"""Category and brand of a tenant's items by id: what the edge adds to events whose sender did not say them.

Made once, when a shelf is loaded. The category is the one at the shelf's grain (`Shelf.groups`), so that taste in events and
taste in rankings speak of the same.
"""

from collections.abc import Mapping

from rayce.errors import InvalidArtifact
from rayce.generations import LiveGenerations
from rayce.item import Item
from rayce.shelf import Shelf, group_of
from rayce.shelf_parts import PARTS_FILE, Kinds

SHELF = "shelf"
MAX_WORD = 64
"""Characters that are kept of each: features tell no more apart."""

Words = tuple[str, str]
"""Category and brand; empty where there is none."""
ItemWords = Mapping[str, Words]
"""By item id."""

NO_WORDS: ItemWords = {}


def item_words(shelf: Shelf) -> ItemWords:
    """Of the items on the shelf that have any."""
    categories, makers = _cut(shelf.groups), _cut(shelf.brands)
    kept: dict[Words, Words] = {}  # items share their words: one tuple each, not one an item
    words = ((categories[g], makers[b]) for g, b in zip(shelf.group.tolist(), shelf.brand.tolist(), strict=True))
    return {item: kept.setdefault(pair, pair) for item, pair in zip(shelf.ids, words, strict=True) if any(pair)}


def words_of(item: Item) -> Words:
    """Of one item.

    >>> words_of(Item("p1", categories=("Dairy", "Milk"), brand="Alm"))
    ('Milk', 'Alm')
    """
    return group_of(item)[:MAX_WORD], item.brand[:MAX_WORD]


def load_shelf(files: Mapping[str, bytes]) -> Shelf:
    """The shelf of a generation with its words, and which kinds lead to which: what the edge loads. `InvalidArtifact` says what
    is missing or damaged.
    """
    shelf, parts = Shelf.from_files(files), files.get(PARTS_FILE)
    if parts is not None:
        shelf = shelf._replace(kinds=Kinds.from_bytes(parts, len(shelf.groups), len(shelf.brands)))
    try:
        return shelf._replace(words=item_words(shelf))
    except IndexError:
        raise InvalidArtifact("the shelf names groups or brands that it has not", "files", sorted(files)) from None


class LiveWords:
    """The live words of every tenant. Cheap: ask at every request."""

    def __init__(self, live: LiveGenerations) -> None:
        """`live` has `load_shelf` for the kind `SHELF`."""
        self._live = live

    def of(self, tenant: str) -> ItemWords:
        """The tenant's; empty until its first shelf is live."""
        loaded = self._live.get(tenant, SHELF)
        if loaded is None:
            return NO_WORDS
        words: ItemWords = loaded.value.words
        return words


def _cut(names: list[str]) -> list[str]:
    return [name[:MAX_WORD] for name in names]
