"""From a model's score to a probability, and how far its probabilities can be trusted.

Isotonic: the best monotone step function (pool adjacent violators; Zadrozny & Elkan, KDD 2002), kept as its knots.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from rayce.errors import InvalidArtifact

CALIBRATION_FILE = "calibration.json"
"""The name under which a ranker's generation keeps its knots."""
BINS = 10
MAX_KNOTS = 200

Values = NDArray[np.float64]


class Calibration(Struct, frozen=True):
    """Knots, ascending: a score between two of them has a probability between theirs; beyond them that of the last."""

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def of(self, scores: Values) -> Values:
        """The probabilities of scores."""
        return np.asarray(np.interp(scores, self.scores, self.probabilities), dtype=np.float64)

    def to_file(self) -> bytes:
        """As a generation keeps it."""
        return msgspec.json.encode(self)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "Calibration | None":
        """Of a generation; None where it has none. `InvalidArtifact` where it is damaged."""
        if CALIBRATION_FILE not in files:
            return None
        try:
            found = msgspec.json.decode(files[CALIBRATION_FILE], type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise InvalidArtifact(f"the calibration cannot be read: {error}", CALIBRATION_FILE, None) from None
        count = len(found.scores)
        if not count or count != len(found.probabilities) or list(found.scores) != sorted(found.scores):
            raise InvalidArtifact("the calibration's knots are not in order", CALIBRATION_FILE, count)
        return found


class Bin(NamedTuple):
    """Predictions of about the same size: how many, their mean, and the share that came true."""

    rows: int
    foretold: float
    happened: float


def calibrate(scores: Values, labels: NDArray[np.int8]) -> Calibration:
    """The monotone function of the score that fits the labels best; at least one row, scores finite."""
    values, place = np.unique(scores, return_inverse=True)
    count = np.bincount(place).astype(np.float64)
    share = np.bincount(place, labels) / count
    fitted = np.asarray(isotonic_regression(share, weights=count).x)
    ends = np.flatnonzero(np.diff(fitted, prepend=np.nan, append=np.nan) != 0)  # NaN differs: first and past the last
    first, last = ends[:-1], ends[1:] - 1
    knots = np.unique(np.concatenate([first, last]))
    if len(knots) > MAX_KNOTS:
        knots = knots[np.unique(np.linspace(0, len(knots) - 1, MAX_KNOTS).astype(np.int64))]
    return Calibration(tuple(values[knots].tolist()), tuple(fitted[knots].tolist()))


def reliability(probabilities: Values, labels: NDArray[np.int8], bins: int = BINS) -> list[Bin]:
    """Predictions in order, in bins of equal count; of a good model `foretold` and `happened` agree."""
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [Bin(len(part), float(probabilities[part].mean()), float(labels[part].mean())) for part in parts]


def calibration_error(found: list[Bin]) -> float:
    """Expected calibration error: the mean distance of what was foretold and what happened, by rows.

    >>> calibration_error([Bin(1, 0.5, 1.0), Bin(3, 0.2, 0.2)])
    0.125
    """
    rows = sum(each.rows for each in found)
    return sum(each.rows * abs(each.foretold - each.happened) for each in found) / rows if rows else 0.0
