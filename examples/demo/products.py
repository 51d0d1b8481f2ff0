"""The shop's catalogue: products of the data set as items of the API."""

from typing import Any

import numpy as np

from examples.demo import tables
from rayce.client import Item

BRANDS = {"Private": "Store brand", "National": "National brand"}

_LONG = {
    "beeralemalt": "beer, ale & malt",
    "choc": "chocolate",
    "chix": "chicken",
    "conc": "concentrate",
    "dnrs": "dinners",
    "frz": "frozen",
    "frzn": "frozen",
    "mxs": "mixes",
    "nat": "natural",
    "drug": "drugstore",
    "ga": "gal",
    "gm": "goods",
    "meat-pckgd": "packaged meat",
    "pkg": "packaged",
    "seafood-pckgd": "packaged seafood",
    "pwdr": "powder",
    "rfrgratd": "chilled",
    "rtd": "ready",
    "tort": "tortilla",
    "unsweet": "unsweetened",
    "veg": "vegetable",
    "vegs": "vegetables",
    "yog": "yogurt",
}


def read_items(product_ids: np.ndarray[Any, Any], prices: np.ndarray[Any, Any]) -> list[Item]:
    """One item for each id, in the order of the ids; `prices` are of one piece. Ids the table lacks get a bare item."""
    columns = ["product_id", "department", "product_category", "product_type", "brand", "package_size"]
    rows = {row["product_id"]: row for row in tables.rows("products", columns)}
    return [
        _item(rows[wanted], price) if wanted in rows else Item(str(wanted), f"Product {wanted}", price=price)
        for wanted, price in zip(product_ids.tolist(), prices.tolist(), strict=True)
    ]


def known(product_ids: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Which of the ids are products with a department: the rest are coupons and corrections of the till."""
    table = tables.read("products", ["product_id", "department"])
    good = table.filter(table["department"].is_valid())
    return np.isin(product_ids, tables.numbers(good, "product_id"))


def sold_by_measure() -> np.ndarray[Any, Any]:
    """Ids of what is sold by measure (fuel): their quantities are not pieces."""
    table = tables.read("products", ["product_id", "product_type"])
    types = table["product_type"].to_pylist()
    chosen = np.array([bool(kind) and kind.startswith("GASOLINE") for kind in types])
    ids: np.ndarray[Any, Any] = tables.numbers(table, "product_id")[chosen]
    return ids


def words(text: str | None) -> str:
    """The till's capitals and abbreviations as words to read.

    >>> words("FRZN CONC UNDER 50% JUICE"), words("SALAD BAR:FRESH"), words("CANDY (INCLUDING"), words(None)
    ('Frozen concentrate under 50% juice', 'Salad bar: fresh', 'Candy', '')
    """
    plain = (text or "").lower().replace(":", ": ")
    if plain.count("(") > plain.count(")"):
        plain = plain[: plain.rindex("(")]
    said = " ".join(_LONG.get(word, word) for word in plain.split())
    return said[:1].upper() + said[1:]


def _item(row: dict[str, Any], price: float) -> Item:
    kind, category, department = words(row["product_type"]), words(row["product_category"]), words(row["department"])
    size = words(row["package_size"]).lower()
    name = kind or category or department
    return Item(
        item_id=str(row["product_id"]),
        title=f"{name}, {size}" if size else name,
        categories=[level for level in (department, category, kind) if level],
        brand=BRANDS.get(row["brand"], row["brand"]),
        price=price,
    )
