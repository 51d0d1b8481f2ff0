"""How good one list was for what was taken afterwards: hit rate, recall, precision, MRR and NDCG at ten."""

from collections.abc import Collection, Sequence
from math import log2

LIMIT = 10
MEASURES = tuple(f"{name}_at_{LIMIT}" for name in ("hit_rate", "recall", "precision", "mrr", "ndcg"))


def measure(listed: Sequence[str], wanted: Collection[str]) -> tuple[float, ...]:
    """One value for each of `MEASURES`; `wanted` holds at least one item, `listed` none twice, best first.

    Recall is of everything that was taken; NDCG (Järvelin & Kekäläinen, TOIS 2002) is against the best list of ten.

    >>> [round(value, 3) for value in measure(["a", "b", "c"], {"b", "z"})]
    [1.0, 0.5, 0.1, 0.5, 0.387]
    """
    found = [place for place, item in enumerate(listed[:LIMIT]) if item in wanted]
    best = sum(1 / log2(place + 2) for place in range(min(LIMIT, len(wanted))))
    return (
        float(bool(found)),
        len(found) / len(wanted),
        len(found) / LIMIT,
        1 / (found[0] + 1) if found else 0.0,
        sum(1 / log2(place + 2) for place in found) / best,
    )
