"""Which items say the same as an item: cosine of their tf-idf terms, looked up term by term.

Weights are those of Salton & Buckley, "Term-weighting approaches in automatic text retrieval" (1988): logarithmic term
frequency, log(N / df), normalised to length 1. Terms that very many items have tell nothing apart and are left out, which also
bounds the work. NumPy only: the edge and the ranker ask it for items that came after the last batch run.
"""

import io
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from rayce.errors import InvalidArtifact
from rayce.item import Item
from rayce.item_terms import item_terms

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

COMMON_ITEMS, COMMON_SHARE = 1_000, 0.05
"""A term of more items than both is left out."""
LEAST = 0.05
"""Less alike is not alike."""


class ContentIndex:
    """Of each term the items that have it, with their weights. Read only, so it may be shared among threads."""

    def __init__(self, terms: Sequence[str], starts: NDArray[np.int64], items: Ints, weights: Floats, n: int) -> None:
        """Term t has the rows `starts[t]` to `starts[t + 1]` of `items` and `weights`; `n` items in all."""
        self.terms = list(terms)
        self.starts, self.items, self.weights, self.n_items = starts, items, weights, n
        self._number = {term: t for t, term in enumerate(self.terms)}

    @classmethod
    def of(cls, items: Iterable[Item]) -> "ContentIndex":
        """The index of these items, by their place."""
        number: dict[str, int] = {}
        place, term, weight, n = list[int](), list[int](), list[float](), 0
        for n, item in enumerate(items, 1):
            for name, said in item_terms(item).items():
                place.append(n - 1)
                term.append(number.setdefault(name, len(number)))
                weight.append(said)
        return _made(list(number), np.array(place, np.int32), np.array(term, np.int64), np.array(weight), n)

    def near(self, item: Item, count: int, without: int | None = None) -> tuple[Ints, Floats]:
        """At most `count` item numbers, the most alike first, with their cosine; equal ones go by number."""
        said = [(self._number[t], weight) for t, weight in item_terms(item).items() if t in self._number]
        scores, length = np.zeros(self.n_items, np.float32), 0.0
        for t, weight in sorted(said):
            rows = slice(int(self.starts[t]), int(self.starts[t + 1]))
            own = weight * np.log(self.n_items / (rows.stop - rows.start))
            scores[self.items[rows]] += np.float32(own) * self.weights[rows]
            length += own * own
        if length == 0.0:
            return np.empty(0, np.int32), np.empty(0, np.float32)
        scores /= np.float32(np.sqrt(length))
        if without is not None:
            scores[without] = 0.0
        found = np.flatnonzero(scores >= LEAST)
        best = found[np.lexsort((found, -scores[found]))][:count]
        return best.astype(np.int32), np.minimum(scores[best], np.float32(1.0))

    def to_bytes(self) -> bytes:
        """The file of a generation."""
        buffer = io.BytesIO()
        names = np.frombuffer(msgspec.json.encode(self.terms), np.uint8)
        lengths = np.diff(self.starts).astype(np.int32)
        size = np.array(self.n_items)
        np.savez_compressed(buffer, names=names, lengths=lengths, items=self.items, weights=self.weights, size=size)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, n_items: int) -> "ContentIndex":
        """Inverse of `to_bytes`, for a shelf of so many items; `InvalidArtifact` where it is damaged or not of it."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                names, lengths, items = stored["names"].tobytes(), stored["lengths"], stored["items"]
                weights, size = stored["weights"], int(stored["size"])
            terms = msgspec.json.decode(names, type=list[str])
            starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
            fits = size == n_items and len(terms) == len(lengths) and len(items) == len(weights) == starts[-1]
            fits = fits and bool((lengths > 0).all() and ((items >= 0) & (items < n_items)).all())
        except Exception as error:  # zip and numpy have a dozen kinds for damaged files
            raise InvalidArtifact(f"the index of contents cannot be read: {error}", "content.npz", None) from None
        if not fits or items.dtype != np.int32 or weights.dtype != np.float32:
            raise InvalidArtifact("the index of contents does not speak of these items", "content.npz", n_items)
        return cls(terms, starts, items, weights, n_items)


def _made(terms: list[str], place: Ints, term: NDArray[np.int64], said: NDArray[np.float64], n: int) -> ContentIndex:
    """Terms by name, their items ascending: the same whatever the order in which terms were met."""
    held = np.bincount(term, minlength=len(terms))
    telling = (held < n) & (held <= max(COMMON_ITEMS, COMMON_SHARE * n))
    rank = np.full(len(terms), -1, np.int64)
    kept = sorted((t for t in range(len(terms)) if telling[t]), key=terms.__getitem__)
    rank[kept] = np.arange(len(kept))
    chosen = rank[term] >= 0
    place, term, said = place[chosen], rank[term[chosen]], said[chosen]
    idf = np.log(n / np.maximum(held[kept], 1))
    weight = said * idf[term]
    length = np.sqrt(np.bincount(place, weight * weight, n))
    order = np.lexsort((place, term))
    starts = np.concatenate([[0], np.cumsum(held[kept])]).astype(np.int64)
    weights = (weight / length[place])[order].astype(np.float32)
    return ContentIndex([terms[t] for t in kept], starts, place[order].astype(np.int32), weights, n)
