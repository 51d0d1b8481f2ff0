"""What a score depends on: rows with one checksum have one score, whatever the trees; another model has other checksums."""

import lightgbm
import numpy as np
import pytest

from rayce.model_inputs import ModelInputs, checksum_of

FEATURES = 5


def trained(seed: int, **more: object) -> lightgbm.Booster:
    random = np.random.default_rng(seed)
    rows = random.normal(0, 10, (400, FEATURES))
    labels = (rows[:, 0] + rows[:, 1] > random.normal(0, 5, 400)).astype(int)
    settings = {"objective": "binary", "num_leaves": 6, "verbose": -1, "num_threads": 1, "seed": seed, **more}
    return lightgbm.train(settings, lightgbm.Dataset(rows, labels), num_boost_round=8)


@pytest.mark.parametrize("more", [{}, {"zero_as_missing": True}, {"linear_tree": True}])
def test_rows_with_one_checksum_have_one_score(more: dict[str, object]) -> None:
    booster = trained(1, **more)
    inputs = ModelInputs(booster.model_to_string(), FEATURES)
    random = np.random.default_rng(2)
    near = np.repeat(random.normal(0, 10, (40, FEATURES)), 25, axis=0)
    rows = near + random.normal(0, 0.05, near.shape)
    rows[::7, 3] = np.nan
    rows[::11, 4] = 0.0
    scores = np.asarray(booster.predict(rows, num_threads=1))
    by_checksum: dict[int, set[float]] = {}
    for row, score in zip(rows, scores, strict=True):
        by_checksum.setdefault(inputs.checksum(row.tolist()), set()).add(float(score))
    assert all(len(found) == 1 for found in by_checksum.values())
    if not more:
        assert len(by_checksum) < len(rows) / 2, "many rows lie between the same thresholds"


def test_a_value_on_a_threshold_goes_with_those_below_it() -> None:
    booster = trained(1)
    text = booster.model_to_string()
    inputs = ModelInputs(text, FEATURES)
    feature, thresholds = next(iter(inputs._thresholds or []))
    row = [0.0] * FEATURES
    on, above = [list(row), list(row)]
    on[feature], above[feature] = thresholds[0], float(np.nextafter(thresholds[0], np.inf))
    below = list(row)
    below[feature] = float(np.nextafter(thresholds[0], -np.inf))
    assert inputs.checksum(on) == inputs.checksum(below) != inputs.checksum(above)


def test_another_model_has_other_checksums() -> None:
    one, two = (ModelInputs(trained(seed).model_to_string(), FEATURES) for seed in (1, 2))
    assert one.checksum([0.0] * FEATURES) != two.checksum([0.0] * FEATURES)


def test_a_mutant_that_sees_no_difference_is_found() -> None:
    booster = trained(1)
    rows = np.random.default_rng(2).normal(0, 10, (100, FEATURES))
    assert len({float(score) for score in booster.predict(rows, num_threads=1)}) > 1
    blind = ModelInputs(booster.model_to_string().replace("threshold=", "was="), FEATURES)
    assert len({blind.checksum(row.tolist()) for row in rows}) == 1


def test_equal_rows_have_equal_checksums_and_others_do_not() -> None:
    assert checksum_of([1.0, 2.0]) == checksum_of([1.0, 2.0]) != checksum_of([2.0, 1.0])
    assert 0 <= checksum_of([]) < 2**56
