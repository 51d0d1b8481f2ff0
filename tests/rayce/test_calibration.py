"""Scores become probabilities that come true; the best monotone fit, and the order of scores is kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.calibration import CALIBRATION_FILE, MAX_KNOTS, Calibration, calibrate, calibration_error, reliability
from rayce.errors import InvalidArtifact

rows = st.lists(st.tuples(st.integers(-8, 8).map(float), st.integers(0, 1)), min_size=1, max_size=60)


def parts(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose odds are three times as bold as the truth."""
    chance = np.random.default_rng(seed)
    scores = chance.normal(0, 3, count)
    labels = (chance.random(count) < 1 / (1 + np.exp(-scores / 3))).astype(np.int8)
    return scores, labels


def test_overconfident_scores_become_probabilities_that_come_true() -> None:
    """Negative control: the logistic function of the raw score is far off."""
    found = calibrate(*parts(20_000, 1))
    scores, labels = parts(20_000, 2)
    assert calibration_error(reliability(found.of(scores), labels)) < 0.02
    assert calibration_error(reliability(1 / (1 + np.exp(-scores)), labels)) > 0.1


def slow_isotonic(scores: list[float], labels: list[int]) -> dict[float, float]:
    """Pool adjacent violators, as in every textbook."""
    pools: list[list[float]] = []
    for value in sorted(set(scores)):
        own = [label for score, label in zip(scores, labels, strict=True) if score == value]
        pools.append([sum(own), len(own), value, value])
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] >= pools[-1][0] / pools[-1][1]:
            total, count, _first, last = pools.pop()
            pools[-1] = [pools[-1][0] + total, pools[-1][1] + count, pools[-1][2], last]
    return {
        score: total / count for score in set(scores) for total, count, first, last in pools if first <= score <= last
    }


@given(rows)
def test_it_is_the_isotonic_regression(given_rows: list[tuple[float, int]]) -> None:
    scores, labels = [score for score, _label in given_rows], [label for _score, label in given_rows]
    found = calibrate(np.array(scores), np.array(labels, np.int8))
    expected = slow_isotonic(scores, labels)
    assert found.of(np.array(list(expected))) == pytest.approx(list(expected.values()), abs=1e-9)
    ladder = found.of(np.linspace(-10, 10, 101))
    assert (np.diff(ladder) >= -1e-12).all() and ((ladder >= 0) & (ladder <= 1)).all()


def test_knots_are_bounded_and_survive_the_file() -> None:
    found = calibrate(*parts(50_000, 1))
    assert len(found.scores) <= MAX_KNOTS
    assert Calibration.from_files({CALIBRATION_FILE: found.to_file()}) == found
    assert Calibration.from_files({}) is None


@pytest.mark.parametrize(
    "damaged", [b"", b"{}", b'{"scores":[2,1],"probabilities":[0,1]}', b'{"scores":[],"probabilities":[]}']
)
def test_a_damaged_file_is_refused(damaged: bytes) -> None:
    with pytest.raises(InvalidArtifact):
        Calibration.from_files({CALIBRATION_FILE: damaged})


def test_every_row_is_in_one_bin() -> None:
    found = reliability(np.linspace(0, 1, 103), np.zeros(103, np.int8))
    assert sum(each.rows for each in found) == 103 and len(found) == 10
    assert reliability(np.zeros(0), np.zeros(0, np.int8)) == [] and calibration_error([]) == 0.0
