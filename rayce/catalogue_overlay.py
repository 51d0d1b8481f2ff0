"""A shelf as the catalogue has it by now: what changed since its generation was made, laid over it without a job.

The shelf is a value: `overlaid` gives another one that shares what has not changed. An item that came since is appended, with
the neighbours that its catalogue entry tells (`rayce.content_index`); one that is gone, or not to be had, stays where it is and
is not available. What was computed from people's history stays as it was until the next generation.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b

import numpy as np

from rayce.content_index import ContentIndex
from rayce.event import LATEST_MS
from rayce.item import Item, encode_item
from rayce.item_words import words_of
from rayce.shelf import NOTHING, Floats, Ints, Shelf, group_of, newest_of, popular_of

Changes = Mapping[str, Item | None]
"""Items as they are now, by id; None: gone."""
Index = Callable[[], ContentIndex | None]
"""The index of the generation's items; None where it has none. Asked only if something is new."""
Since = Callable[[str], int]
"""By id, when an item that is new was first seen, ms: for those that do not say it themselves."""

MAX_NEW = 10_000
"""Of more items that came since the generation the rest waits for the next one."""
_EDITION_BYTES = 8


def differs(shelf: Shelf, item_id: str, item: Item | None) -> bool:
    """Whether replies would be others than this shelf makes, were the item so."""
    n = shelf.number.get(item_id)
    if n is None:
        return item is not None and item.available
    if item is None:
        return bool(shelf.available[n])
    return (
        bool(shelf.available[n]) != item.available
        or not _same_price(float(shelf.price[n]), item.price)
        or _says_other(shelf, n, item)
    )


def takes_away(shelf: Shelf, changes: Changes) -> bool:
    """Whether something that this shelf may show must not be shown any more."""
    for item_id, item in changes.items():
        n = shelf.number.get(item_id)
        if n is not None and shelf.available[n] and (item is None or not item.available):
            return True
    return False


def edition_of(changes: Changes) -> int:
    """A number for these changes, the same in whatever order they came; 0 for none."""
    found = 0
    for item_id, item in changes.items():
        said = item_id.encode("utf-8", "replace") + (b"" if item is None else encode_item(item))
        found ^= int.from_bytes(blake2b(said, digest_size=_EDITION_BYTES).digest(), "big")
    return found


def overlaid(shelf: Shelf, changes: Changes, index: Index, since_ms: Since) -> Shelf:
    """The shelf with the changes; changing twice is as changing once. Its `edition` is the caller's to set."""
    known = {shelf.number[item_id]: item for item_id, item in changes.items() if item_id in shelf.number}
    new = [item for item_id, item in sorted(changes.items()) if item_id not in shelf.number and item and item.available]
    if known:
        shelf = _changed(shelf, known)
    room = MAX_NEW - (len(shelf.ids) - shelf.settled)
    if new[:room]:
        shelf = _extended(shelf, new[:room], index, since_ms)
    return shelf


def _changed(shelf: Shelf, known: Mapping[int, Item | None]) -> Shelf:
    """With other items in place of those of these numbers."""
    available, price = shelf.available.copy(), shelf.price.copy()
    for n, item in known.items():
        available[n] = item is not None and item.available
        if item is not None:
            price[n] = np.nan if item.price is None else item.price
    if not np.array_equal(available, shelf.available):
        if (available & ~shelf.available).any():  # back again: it has its place in the order
            popular, newest = popular_of(shelf.popularity, available), newest_of(shelf.added_ms, available)
        else:
            popular, newest = shelf.popular[available[shelf.popular]], shelf.newest[available[shelf.newest]]
        shelf = shelf._replace(available=available, popular=popular, newest=newest)
    said = {n: item for n, item in known.items() if item is not None and _says_other(shelf, n, item)}
    return _reworded(shelf._replace(price=price), said) if said else shelf._replace(price=price)


def _reworded(shelf: Shelf, said: Mapping[int, Item]) -> Shelf:
    """With other categories and brands of these items."""
    groups, brands, sets = list(shelf.groups), list(shelf.brands), list(shelf.category_sets)
    group, brand = shelf.group.copy(), shelf.brand.copy()
    for n, item in said.items():
        sets[n] = frozenset(item.categories)
    numbers = np.fromiter(said, np.intp, len(said))
    group[numbers] = _numbers(groups, [group_of(item) for item in said.values()])
    brand[numbers] = _numbers(brands, [item.brand for item in said.values()])
    words = dict(shelf.words) | {item.item_id: words_of(item) for item in said.values()}
    return shelf._replace(groups=groups, brands=brands, category_sets=sets, group=group, brand=brand, words=words)


def _extended(shelf: Shelf, new: Sequence[Item], index: Index, since_ms: Since) -> Shelf:
    """With these items behind the others."""
    first, count = len(shelf.ids), len(new)
    groups, brands = list(shelf.groups), list(shelf.brands)
    near, scores = _placed(new, index(), shelf.neighbours.shape[1])
    added = [own if _is_moment(own := item.attributes.get("added_ms")) else since_ms(item.item_id) for item in new]
    price = [np.nan if item.price is None else item.price for item in new]
    available = np.concatenate([shelf.available, np.ones(count, np.bool_)])
    popularity = np.concatenate([shelf.popularity, np.zeros(count, np.float32)])
    added_ms = np.concatenate([shelf.added_ms, np.array(added, np.int64)])
    return shelf._replace(
        ids=shelf.ids + [item.item_id for item in new],
        number=shelf.number | {item.item_id: n for n, item in enumerate(new, first)},
        category_sets=shelf.category_sets + [frozenset(item.categories) for item in new],
        group=np.concatenate([shelf.group, _numbers(groups, [group_of(item) for item in new])]),
        brand=np.concatenate([shelf.brand, _numbers(brands, [item.brand for item in new])]),
        groups=groups,
        brands=brands,
        price=np.concatenate([shelf.price, np.array(price, np.float32)]),
        available=available,
        popularity=popularity,
        neighbours=np.concatenate([shelf.neighbours, near]),
        neighbour_scores=np.concatenate([shelf.neighbour_scores, scores]),
        popular=popular_of(popularity, available),
        added_ms=added_ms,
        newest=newest_of(added_ms, available),
        words=dict(shelf.words) | {item.item_id: words_of(item) for item in new},
    )


def _placed(new: Sequence[Item], index: ContentIndex | None, width: int) -> tuple[Ints, Floats]:
    """Neighbours of new items among those of the generation."""
    near = np.full((len(new), width), NOTHING, np.int32)
    scores = np.zeros((len(new), width), np.float32)
    if index is not None:
        for row, item in enumerate(new):
            found, alike = index.near(item, width)
            near[row, : len(found)], scores[row, : len(found)] = found, alike
    return near, scores


def _numbers(names: list[str], wanted: Sequence[str]) -> Ints:
    """Of the names wanted; `names` grows by those that are not in it."""
    number = {name: n for n, name in enumerate(names)}
    for name in wanted:
        if name not in number:
            number[name] = len(names)
            names.append(name)
    return np.array([number[name] for name in wanted], np.int32)


def _says_other(shelf: Shelf, n: int, item: Item) -> bool:
    return (
        shelf.category_sets[n] != frozenset(item.categories)
        or shelf.groups[shelf.group[n]] != group_of(item)
        or shelf.brands[shelf.brand[n]] != item.brand
    )


def _same_price(shelved: float, price: float | None) -> bool:
    """In the shelf's own precision."""
    return shelved != shelved if price is None else shelved == float(np.float32(price))


def _is_moment(value: object) -> bool:
    return type(value) is int and 0 < value <= LATEST_MS
