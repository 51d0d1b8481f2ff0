"""How good a list was for the basket that followed: hit rate and NDCG at ten."""

from collections.abc import Collection, Sequence
from math import log2

LIMIT = 10


class Relevance:
    """Adds up lists against baskets.

    >>> told = Relevance()
    >>> told.add(["a", "b"], {"b", "z"})
    >>> told.hit_rate, round(told.ndcg, 4)
    (1.0, 0.3869)
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._hits = 0
        self._ndcg = 0.0
        self.baskets = 0

    def add(self, listed: Sequence[str], basket: Collection[str]) -> None:
        """One list, best first, and what was bought then (at least one product)."""
        found = [place for place, item in enumerate(listed[: self._limit]) if item in basket]
        best = sum(1 / log2(place + 2) for place in range(min(self._limit, len(basket))))
        self.baskets += 1
        self._hits += bool(found)
        self._ndcg += sum(1 / log2(place + 2) for place in found) / best

    @property
    def hit_rate(self) -> float:
        """The share of baskets of which the list held at least one product; 0 before the first."""
        return self._hits / max(self.baskets, 1)

    @property
    def ndcg(self) -> float:
        """Mean normalized discounted cumulative gain (Järvelin & Kekäläinen, TOIS 2002); 0 before the first."""
        return self._ndcg / max(self.baskets, 1)

    def metrics(self, prefix: str) -> dict[str, float]:
        """Both, rounded, by name."""
        return {
            f"{prefix}hit_rate_at_{self._limit}": round(self.hit_rate, 4),
            f"{prefix}ndcg_at_{self._limit}": round(self.ndcg, 4),
        }
