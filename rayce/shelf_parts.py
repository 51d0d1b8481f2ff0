"""The parts that a shelf's neighbours were merged from: what follows and what is alike, for jobs and trainers; and among kinds.

All tables are rows × k, best first, `NOTHING` where there are fewer; scores are in (0, 1].
"""

import io
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from rayce.errors import InvalidArtifact

PARTS_FILE = "parts.npz"
NOTHING = -1

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


class Kinds(NamedTuple):
    """Which kinds people who touched a kind touch next, by the shelf's numbers: of groups (categories at the shelf's grain) and
    of brands.
    """

    groups: Ints
    group_scores: Floats
    brands: Ints
    brand_scores: Floats

    @classmethod
    def from_bytes(cls, data: bytes, n_groups: int, n_brands: int) -> "Kinds":
        """Of `Parts.to_bytes`, without reading the rest; `InvalidArtifact` where it is damaged or speaks of other kinds."""
        return _read(cls, data, (n_groups, n_brands))


class Parts(NamedTuple):
    """`following`: items that come after an item, within a session or in the next ones; `alike`: items whose catalogue entries
    say the same; `groups` and `brands`: the kinds that people who touched a kind touch next, by the shelf's numbers.
    """

    following: Ints
    following_scores: Floats
    alike: Ints
    alike_scores: Floats
    groups: Ints
    group_scores: Floats
    brands: Ints
    brand_scores: Floats

    def to_bytes(self) -> bytes:
        """The file of a generation."""
        buffer = io.BytesIO()
        np.savez(buffer, **self._asdict())
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, n_items: int, n_groups: int, n_brands: int) -> "Parts":
        """Inverse of `to_bytes`; `InvalidArtifact` where it is damaged or speaks of other items."""
        return _read(cls, data, (n_items, n_items, n_groups, n_brands))


Read = TypeVar("Read", Kinds, Parts)


def _read(kind: type[Read], data: bytes, rows: tuple[int, ...]) -> Read:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            parts = kind(**{name: stored[name] for name in kind._fields})
        fits = all(
            near.shape == scores.shape
            and near.shape[0] == count
            and near.dtype == np.int32
            and scores.dtype == np.float32
            and bool(((near >= NOTHING) & (near < count)).all())
            for near, scores, count in zip(parts[::2], parts[1::2], rows, strict=True)
        )
    except Exception as error:  # zip and numpy have a dozen kinds for damaged files
        raise InvalidArtifact(f"the neighbours' parts cannot be read: {error}", PARTS_FILE, None) from None
    if not fits:
        raise InvalidArtifact("the neighbours' parts do not speak of these items", PARTS_FILE, rows)
    return parts
