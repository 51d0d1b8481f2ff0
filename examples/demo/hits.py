"""How good a list was for the basket that followed: hit rate, precision and recall at ten."""

from collections import deque
from collections.abc import Collection, Sequence

LIMIT = 10


class HitRate:
    """Adds up lists against baskets. Rates are None before the first basket.

    >>> rate = HitRate()
    >>> rate.add(list("abcdefghij"), {"a", "b", "z", "y"})
    >>> rate.hit_rate, rate.precision, rate.recall
    (1.0, 0.2, 0.5)
    """

    def __init__(self, recent: int = 500) -> None:
        self.baskets = 0
        self._hits = 0
        self._precision = self._recall = 0.0
        self._recent: deque[bool] = deque(maxlen=recent)

    def add(self, listed: Sequence[object], basket: Collection[object]) -> None:
        """One list and the distinct products of the basket that followed it."""
        found = len(set(listed[:LIMIT]) & set(basket))
        self.baskets += 1
        self._hits += found > 0
        self._precision += found / LIMIT
        self._recall += found / len(basket)
        self._recent.append(found > 0)

    @property
    def hit_rate(self) -> float | None:
        """The share of baskets of which the list held at least one product."""
        return self._share(self._hits)

    @property
    def precision(self) -> float | None:
        """The mean share of the ten places that were bought."""
        return self._share(self._precision)

    @property
    def recall(self) -> float | None:
        """The mean share of the basket that was listed."""
        return self._share(self._recall)

    @property
    def recent(self) -> float | None:
        """The hit rate of the last baskets only."""
        return sum(self._recent) / len(self._recent) if self._recent else None

    def _share(self, total: float) -> float | None:
        return total / self.baskets if self.baskets else None
