"""The Complete Journey as a shop's year: products, households, and one event for each basket, campaign and coupon.

The year is moved by whole weeks, so that it ends just before `now_ms` and a Saturday stays a Saturday. Everything is the
same for the same arguments, event ids included. Events are built when asked for: the year is kept as columns.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from msgspec import Struct

from examples.demo import baskets, occasions, tables
from examples.demo.event_ids import event_id
from examples.demo.households import Household, read_households, sample
from examples.demo.products import read_items
from rayce.client import Item

REFUSING = 0.02
MIN_PURCHASES = 5
_BASKET, _OCCASION = 0, 1


class Line(Struct, frozen=True):
    """One product of an event, as the API takes it."""

    item_id: str
    quantity: int
    price: float


class ShopEvent(Struct, frozen=True, omit_defaults=True):
    """One event, as the API takes it; `timestamp` in ms since the epoch."""

    event_id: str
    type: str
    user_id: str
    timestamp: int
    session_id: str = ""
    items: list[Line] = []
    properties: dict[str, Any] = {}


class Dataset:
    """The year as a timeline: entry numbers 0 … len-1 in time order, each a basket or an occasion of one household."""

    def __init__(
        self,
        items: list[Item],
        households: list[Household],
        lines: baskets.Lines,
        others: list[occasions.Occasion],
        week_starts_ms: np.ndarray[Any, Any],
    ) -> None:
        self.items, self.households = items, households
        self.weeks = len(week_starts_ms)
        self._lines, self._occasions = lines, others
        starts = lines.starts()
        ends = np.append(starts[1:], len(lines.basket))
        numbers = np.array([household.number for household in households])
        ids = np.array([int(item.item_id) for item in items])
        self._place_of_line = np.searchsorted(ids, lines.product).astype(np.int32)
        at_ms = np.concatenate([lines.at_ms[starts], np.array([o.at_ms for o in others], dtype=np.int64)])
        who = np.concatenate([lines.household[starts], np.array([o.household for o in others], dtype=np.int64)])
        order = np.argsort(at_ms, kind="stable")
        self.at_ms = at_ms[order]
        self._who = np.searchsorted(numbers, who)[order]
        self._kind = np.repeat([_BASKET, _OCCASION], [len(starts), len(others)])[order]
        self._row = np.concatenate([starts, np.arange(len(others))])[order]
        self._basket_end = np.concatenate([ends, np.zeros(len(others), dtype=np.int64)])[order]
        self.week = np.searchsorted(week_starts_ms, self.at_ms, side="right")

    def __len__(self) -> int:
        return len(self.at_ms)

    @property
    def basket_count(self) -> int:
        """How many entries are baskets."""
        return int(np.count_nonzero(self._kind == _BASKET))

    def first_live(self, weeks: int) -> int:
        """The entry at which the last `weeks` weeks begin: before it is history, from it on is play."""
        return int(np.searchsorted(self.week, self.weeks - weeks + 1))

    def household(self, entry: int) -> Household:
        """Whose entry it is."""
        return self.households[int(self._who[entry])]

    def lane(self, entry: int, lanes: int) -> int:
        """One of `lanes` numbers, the same for all entries of a household."""
        return int(self._who[entry]) % lanes

    def products(self, entry: int) -> list[int]:
        """The places in `items` of what the basket holds; empty for an occasion."""
        if self._kind[entry] == _OCCASION:
            return []
        places: list[int] = self._place_of_line[self._row[entry] : self._basket_end[entry]].tolist()
        return places

    def event(self, entry: int) -> ShopEvent:
        """The entry as an event of the API."""
        at_ms, household = int(self.at_ms[entry]), self.household(entry)
        if self._kind[entry] == _OCCASION:
            key, properties = self._occasions[self._row[entry]].key, self._occasions[self._row[entry]].properties
            return ShopEvent(event_id(key, at_ms), "custom", household.user_id, at_ms, properties=properties)
        rows = slice(self._row[entry], self._basket_end[entry])
        session = f"basket-{self._lines.basket[rows.start]}"
        quantities, prices = self._lines.quantity[rows].tolist(), self._lines.price[rows].tolist()
        bought = [
            Line(self.items[place].item_id, quantity, price)
            for place, quantity, price in zip(self._place_of_line[rows].tolist(), quantities, prices, strict=True)
        ]
        return ShopEvent(event_id(session, at_ms), "purchase", household.user_id, at_ms, session, bought)

    def events(self, first: int, end: int) -> Iterator[ShopEvent]:
        """The entries first … end-1 as events, in time order."""
        return (self.event(entry) for entry in range(first, end))


def load(
    *,
    now_ms: int,
    households: int | None = None,
    min_purchases: int = MIN_PURCHASES,
    refusing: float = REFUSING,
) -> Dataset:
    """Reads the year. `households` takes a sample of that many; `refusing` is the share of them which gives no consent."""
    table = tables.read("transactions", ["household_id", "week", "transaction_timestamp"])
    everybody = np.unique(tables.numbers(table, "household_id"))
    weeks, at_ms = tables.numbers(table, "week"), tables.times_ms(table, "transaction_timestamp")
    first_ms, last_ms = int(at_ms.min()), int(at_ms.max())
    shift = (now_ms - 1 - last_ms) // tables.WEEK_MS * tables.WEEK_MS
    week_starts = np.array([at_ms[weeks == week].min() for week in range(1, weeks.max() + 1)])
    lines = baskets.read_lines(min_purchases, sample(everybody, households))
    buyers = np.unique(lines.household)
    ids, prices = baskets.median_prices(lines)
    return Dataset(
        read_items(ids, prices),
        read_households(buyers, refusing),
        lines.moved(shift),
        [other.moved(shift) for other in occasions.read_occasions(buyers, first_ms, last_ms)],
        week_starts + shift,
    )
