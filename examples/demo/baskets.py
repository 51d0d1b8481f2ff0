"""The tills' lines, cleaned and grouped into baskets: columns, one row for each line, baskets in time order."""

from typing import Any

import numpy as np
from msgspec import Struct, structs

from examples.demo import products, tables

MOST_PIECES = 200
"""More pieces than this of one product in one basket are a measure (millilitres of fuel), not pieces."""

Column = np.ndarray[Any, Any]


class Lines(Struct, frozen=True):
    """One row for each product of each basket, ordered by time, basket, product; prices are of one piece."""

    basket: Column
    household: Column
    product: Column
    quantity: Column
    price: Column
    at_ms: Column
    week: Column

    def take(self, rows: Column) -> "Lines":
        """These rows only, in this order."""
        return Lines(*(getattr(self, name)[rows] for name in self.__struct_fields__))

    def moved(self, by_ms: int) -> "Lines":
        """The same lines at another time."""
        return structs.replace(self, at_ms=self.at_ms + by_ms)

    def starts(self) -> Column:
        """The first row of each basket."""
        first = np.ones(len(self.basket), dtype=bool)
        first[1:] = self.basket[1:] != self.basket[:-1]
        return np.flatnonzero(first)


def read_lines(min_purchases: int, chosen: Column) -> Lines:
    """What the chosen households bought, of products that all households together bought at least `min_purchases` times.

    Lines without a piece or without a product (coupons, corrections of the till) are not purchases.
    """
    columns = ["basket_id", "household_id", "product_id", "quantity", "sales_value", "week", "transaction_timestamp"]
    table = tables.read("transactions", columns)
    quantity = tables.numbers(table, "quantity")
    product = tables.numbers(table, "product_id")
    pieces = np.where((quantity > MOST_PIECES) | np.isin(product, products.sold_by_measure()), 1, quantity)
    lines = Lines(
        basket=tables.numbers(table, "basket_id"),
        household=tables.numbers(table, "household_id"),
        product=product,
        quantity=pieces,
        price=np.round(np.maximum(tables.numbers(table, "sales_value"), 0.0) / np.maximum(pieces, 1), 2),
        at_ms=tables.times_ms(table, "transaction_timestamp"),
        week=tables.numbers(table, "week"),
    )
    lines = lines.take(np.flatnonzero((quantity > 0) & products.known(product)))
    _, place, bought = np.unique(lines.product, return_inverse=True, return_counts=True)
    lines = lines.take(np.flatnonzero((bought[place] >= min_purchases) & np.isin(lines.household, chosen)))
    return lines.take(np.lexsort((lines.product, lines.basket, lines.at_ms)))


def median_prices(lines: Lines) -> tuple[Column, Column]:
    """(product ids ascending, the median price of one piece of each: the lower one of two middles)."""
    order = np.lexsort((lines.price, lines.product))
    ids, first, count = np.unique(lines.product[order], return_index=True, return_counts=True)
    return ids, lines.price[order][first + (count - 1) // 2]
