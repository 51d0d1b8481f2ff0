"""What an item's catalogue entry says, as weighted terms: words of its texts, categories, brand, price band, attributes.

Terms of different fields never meet (`w:milk` is not `c:milk`). Chance and the order of fields do not matter: the same item has
the same terms everywhere, in jobs and live.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from unicodedata import normalize

from rayce.item import Item

MAX_TERMS = 200
"""Of an item that says more the heaviest terms are kept, equal ones by name."""
TEXTS = ("description", "subtitle", "keywords")
"""Attributes that are read word by word; other texts are one term each."""
NOT_TERMS = frozenset({"added_ms"})
BANDS_PER_DOUBLING = 2

_WORD = re.compile(r"\w{2,32}")


def item_terms(item: Item) -> dict[str, float]:
    """Terms with their weight within the item: a word counts the less the oftener it is repeated.

    >>> item_terms(Item("p1", "Milk, fresh milk", ("Dairy",), price=2.0))
    {'w:milk': 1.1, 'c:Dairy': 0.69, 'w:fresh': 0.69, 'p:2': 0.41, 'p:Dairy/2': 0.41}
    """
    counts: Counter[str] = Counter()
    for term, weight in _said(item):
        counts[term] += weight  # type: ignore[assignment]
    heaviest = sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:MAX_TERMS]
    return {term: round(math.log1p(weight), 2) for term, weight in heaviest}


def price_band(price: float) -> int:
    """Half octaves: 2.00 and 2.70 are in one band, 2.00 and 4.00 two apart.

    >>> price_band(2.0), price_band(2.7), price_band(4.0)
    (2, 2, 4)
    """
    return math.floor(BANDS_PER_DOUBLING * math.log2(price) + 1e-9)


def _said(item: Item) -> Iterator[tuple[str, float]]:
    yield from ((f"w:{word}", 1.0) for word in _words(item.title))
    for name in TEXTS:
        text = item.attributes.get(name)
        if isinstance(text, str):
            yield from ((f"w:{word}", 0.5) for word in _words(text))
    group = item.categories[:2][-1] if item.categories else ""
    yield from ((f"c:{category}", 1.0) for category in dict.fromkeys(item.categories))
    if item.brand:
        yield f"b:{item.brand}", 1.0
        yield f"b:{group}/{item.brand}", 0.5
    if item.price:
        yield f"p:{price_band(item.price)}", 0.5
        yield f"p:{group}/{price_band(item.price)}", 0.5
    for name, value in item.attributes.items():
        if name not in NOT_TERMS and name not in TEXTS and not isinstance(value, float):
            yield f"a:{name}={value}", 1.0


def _words(text: str) -> list[str]:
    return _WORD.findall(normalize("NFKC", text).casefold())
