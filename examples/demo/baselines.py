"""The two lists that cost nothing, to compare with: what everybody buys, and what this household bought before.

Both learn basket by basket and are asked before each basket. Products are numbers; a list has at most `limit` of them.
"""

from collections.abc import Iterable

LIMIT = 10


class MostPopular:
    """The products in the most baskets so far; of equals the one with the smaller number.

    >>> popular = MostPopular(limit=2)
    >>> for basket in ([1, 2], [2, 3], [3]): popular.learn(basket)
    >>> popular.top()
    [2, 3]
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._counts: dict[int, int] = {}
        self._top: list[int] = []

    def learn(self, products: Iterable[int]) -> None:
        """One basket more."""
        counts = self._counts
        for product in products:
            counts[product] = counts.get(product, 0) + 1
            if product not in self._top:
                # Counts only grow, so a product can enter the list only at the moment its own count grows.
                if len(self._top) == self._limit and self._rank(product) > self._rank(self._top[-1]):
                    continue
                self._top.append(product)
            self._top.sort(key=self._rank)
            del self._top[self._limit :]

    def top(self) -> list[int]:
        """The list, best first."""
        return list(self._top)

    def _rank(self, product: int) -> tuple[int, int]:
        return (-self._counts[product], product)


class BoughtBefore:
    """What each household bought most often so far; of equals what it bought last.

    >>> before = BoughtBefore(limit=2)
    >>> for basket in ([7, 8], [8], [9]): before.learn("ada", basket)
    >>> before.top("ada"), before.top("bob")
    ([8, 9], [])
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._baskets: dict[str, int] = {}
        self._bought: dict[str, dict[int, tuple[int, int, int]]] = {}

    def learn(self, household: str, products: Iterable[int]) -> None:
        """One basket more of this household."""
        bought = self._bought.setdefault(household, {})
        basket = self._baskets[household] = self._baskets.get(household, 0) + 1
        for product in products:
            count = bought[product][0] + 1 if product in bought else 1
            bought[product] = (count, basket, -product)

    def top(self, household: str) -> list[int]:
        """The household's list, best first; empty for one that has not bought yet."""
        bought = self._bought.get(household, {})
        return sorted(bought, key=bought.__getitem__, reverse=True)[: self._limit]

    def forget(self, household: str) -> None:
        """Nothing is known of this household any more."""
        self._bought.pop(household, None)
