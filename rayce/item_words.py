"""Category and brand of a tenant's items by id: what the edge adds to events whose sender did not say them.

Read from the live shelf's files alone, and of them only the words: a hundredth of the shelf's memory. The category is the one
at the shelf's grain (`Shelf.groups`), so that taste in events and taste in rankings speak of the same.
"""

import io
from collections.abc import Mapping

import msgspec
import numpy as np
from msgspec import Struct

from rayce.errors import InvalidArtifact
from rayce.generations import LiveGenerations
from rayce.shelf import ARRAYS_FILE, ITEMS_FILE

SHELF = "shelf"
MAX_WORD = 64
"""Characters that are kept of each: features tell no more apart."""

Words = tuple[str, str]
"""Category and brand; empty where there is none."""
ItemWords = Mapping[str, Words]
"""By item id."""

NO_WORDS: ItemWords = {}


class _Names(Struct, frozen=True):
    ids: list[str]
    groups: list[str]
    brands: list[str]


_decoder = msgspec.json.Decoder(_Names)


def read_item_words(files: Mapping[str, bytes]) -> ItemWords:
    """Of a shelf's generation. `InvalidArtifact` says what is missing or damaged."""
    try:
        names = _decoder.decode(files[ITEMS_FILE])
        with np.load(io.BytesIO(files[ARRAYS_FILE]), allow_pickle=False) as stored:
            groups, brands = stored["group"].tolist(), stored["brand"].tolist()
        categories, makers = _cut(names.groups), _cut(names.brands)
        kept: dict[Words, Words] = {}  # items share their words: one tuple each, not one an item
        words = ((categories[group], makers[brand]) for group, brand in zip(groups, brands, strict=True))
        return {item: kept.setdefault(pair, pair) for item, pair in zip(names.ids, words, strict=True) if any(pair)}
    except Exception as error:  # zip and numpy have a dozen kinds for damaged files
        raise InvalidArtifact(f"the shelf's words cannot be read: {error}", "files", sorted(files)) from None


class LiveWords:
    """The live words of every tenant. Cheap: ask at every request."""

    def __init__(self, live: LiveGenerations) -> None:
        """`live` has `read_item_words` for the kind `SHELF`."""
        self._live = live

    def of(self, tenant: str) -> ItemWords:
        """The tenant's; empty until its first shelf is live."""
        loaded = self._live.get(tenant, SHELF)
        return NO_WORDS if loaded is None else loaded.value


def _cut(names: list[str]) -> list[str]:
    return [name[:MAX_WORD] for name in names]
