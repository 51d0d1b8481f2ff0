"""How good a list was for the basket that followed: hit rate, precision and recall at ten."""

from collections.abc import Collection, Sequence

from msgspec import Struct

LIMIT = 10


class Sums(Struct, frozen=True):
    """What a hit rate has added up: baskets, hits, and the sums of precision and recall."""

    baskets: int = 0
    hits: int = 0
    precision: float = 0.0
    recall: float = 0.0


class HitRate:
    """Adds up lists against baskets. Rates are None before the first basket.

    >>> rate = HitRate()
    >>> rate.add(list("abcdefghij"), {"a", "b", "z", "y"})
    >>> rate.hit_rate, rate.precision, rate.recall
    (1.0, 0.2, 0.5)
    """

    def __init__(self, sums: Sums | None = None) -> None:
        self.sums = sums or Sums()

    @property
    def baskets(self) -> int:
        """How many lists were compared."""
        return self.sums.baskets

    def add(self, listed: Sequence[object], basket: Collection[object]) -> None:
        """One list and the distinct products of the basket that followed it."""
        found = len(set(listed[:LIMIT]) & set(basket))
        had = self.sums
        self.sums = Sums(
            had.baskets + 1,
            had.hits + (found > 0),
            had.precision + found / LIMIT,
            had.recall + found / len(basket),
        )

    @property
    def hit_rate(self) -> float | None:
        """The share of baskets of which the list held at least one product."""
        return self._share(self.sums.hits)

    @property
    def precision(self) -> float | None:
        """The mean share of the ten places that were bought."""
        return self._share(self.sums.precision)

    @property
    def recall(self) -> float | None:
        """The mean share of the basket that was listed."""
        return self._share(self.sums.recall)

    def _share(self, total: float) -> float | None:
        return total / self.baskets if self.baskets else None
