"""A model as an artifact: one row scores as many do, to the bit, and what cannot be used is refused."""

import random

import lightgbm
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidArtifact
from rayce.model import MANIFEST_FILE, MODEL_FILE, Manifest, Model, load_ranker, load_segment_model, to_files
from rayce.ranking import RANKING_FEATURES

FEATURES = ("views", "purchases", "spend")


def train(objective: str = "binary", features: int = len(FEATURES)) -> lightgbm.Booster:
    rows = np.random.default_rng(1).normal(0, 10, (300, features))
    labels = (rows[:, 0] + rows[:, 1] > 0).astype(int)
    data = lightgbm.Dataset(rows, labels)
    return lightgbm.train(
        {"objective": objective, "num_leaves": 7, "verbose": -1, "num_threads": 1, "seed": 1}, data, 10
    )


def manifest(kind: str = "segment-model", features: tuple[str, ...] = FEATURES) -> Manifest:
    return Manifest(kind, features, 300, 0, 1, {"auc": 0.9}, "0.1.0")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return to_files(train(), manifest())


@pytest.mark.parametrize("kind", ["segment-model", "ranker"])
def test_one_row_scores_as_many_do_to_the_bit(files: dict[str, bytes], kind: str) -> None:
    model = Model.from_files(files | {MANIFEST_FILE: msgspec.json.encode(manifest(kind))})
    rows = np.random.default_rng(2).normal(0, 1000, (200, 3))
    rows[:20] = 0
    rows[20:30, 0] = np.nan
    many = model.score_many(rows)
    assert [model.score_one(row.tolist()) for row in rows] == many.tolist()
    assert bool(many.min() >= 0 and many.max() <= 1) is (kind == "segment-model")


def test_without_the_fast_path_the_scores_are_the_same(files: dict[str, bytes]) -> None:
    fast, slow = Model.from_files(files), Model.from_files(files)
    assert fast._fast is not None, "lightgbm's private name is gone: scoring has become three times slower"
    slow._fast = None
    assert slow.score_one([1.0, 2.0, 3.0]) == fast.score_one([1.0, 2.0, 3.0])


def test_a_ranker_scores_many_rows_by_the_kernel_and_a_segment_model_does_not(files: dict[str, bytes]) -> None:
    ranker = Model.from_files(files | {MANIFEST_FILE: msgspec.json.encode(manifest("ranker"))})
    assert ranker._kernel is not None, (
        "the kernel does not agree with LightGBM any more: ranking has become ten times slower"
    )
    assert Model.from_files(files)._kernel is None


ODD = st.sampled_from([np.nan, 0.0, -0.0, 1e-35, -1e-35, 1e-300, 1e300, -1e300, np.inf, -np.inf])


@given(st.lists(st.lists(ODD | st.floats(-50, 50), min_size=3, max_size=3), min_size=1, max_size=40), st.integers(1, 7))
def test_batch_equals_single(ranker: Model, rows: list[list[float]], step: int) -> None:
    """A row's score depends on the row alone: not on its neighbours, nor on how many they are or how they lie in memory."""
    many = ranker.score_many(np.array(rows))
    assert many.tolist() == [ranker.score_one(row) for row in rows]
    assert many[::step].tolist() == ranker.score_many(np.array(rows)[::step]).tolist()
    assert many.tolist() == ranker.score_many(np.asfortranarray(rows)).tolist()
    assert many.tolist() == ranker._predict(np.array(rows)).tolist()


@pytest.fixture(scope="module")
def ranker(files: dict[str, bytes]) -> Model:
    return Model.from_files(files | {MANIFEST_FILE: msgspec.json.encode(manifest("ranker"))})


def test_a_ranker_whose_trees_the_kernel_does_not_understand_scores_all_the_same() -> None:
    rows = np.random.default_rng(1).normal(0, 10, (300, 3))
    settings = {"objective": "regression", "linear_tree": True, "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(rows, rows[:, 0], params=settings), 5)
    model = Model.from_files(to_files(booster, manifest("ranker")))
    assert model._kernel is None
    assert model.score_many(rows).tolist() == np.asarray(booster.predict(rows, num_threads=1)).tolist()


def test_a_model_survives_its_files(files: dict[str, bytes]) -> None:
    model = Model.from_files(files)
    assert model.manifest == manifest() and model.features == FEATURES


@pytest.mark.parametrize("missing", [MODEL_FILE, MANIFEST_FILE])
def test_a_missing_file_is_named(files: dict[str, bytes], missing: str) -> None:
    with pytest.raises(InvalidArtifact, match=missing):
        Model.from_files({name: body for name, body in files.items() if name != missing})


def test_a_manifest_that_names_other_features_is_refused(files: dict[str, bytes]) -> None:
    with pytest.raises(InvalidArtifact, match="3 features, its manifest names 2"):
        Model.from_files(files | {MANIFEST_FILE: msgspec.json.encode(manifest(features=FEATURES[:2]))})


@pytest.mark.parametrize("body", [b"", b"tree", b"\xff\xfe", b"tree\nversion=v4\nnum_class=1\n"])
def test_a_model_that_is_none_is_refused(files: dict[str, bytes], body: bytes) -> None:
    with pytest.raises(InvalidArtifact):
        Model.from_files(files | {MODEL_FILE: body})


def test_a_manifest_that_is_none_is_refused(files: dict[str, bytes]) -> None:
    chance = random.Random(1)
    for _ in range(50):
        damaged = bytearray(files[MANIFEST_FILE])
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            Model.from_files(files | {MANIFEST_FILE: bytes(damaged)})
        except InvalidArtifact as error:
            assert str(error)


def test_a_segment_model_of_unheard_of_features_is_refused(files: dict[str, bytes]) -> None:
    """At load: at the event it would be a dead letter for each."""
    assert load_segment_model(files).features == FEATURES
    with pytest.raises(InvalidArtifact, match="hat_size"):
        load_segment_model(
            files | {MANIFEST_FILE: msgspec.json.encode(manifest(features=("views", "hat_size", "spend")))}
        )


def test_a_ranker_of_other_columns_is_refused(files: dict[str, bytes]) -> None:
    right = to_files(train(features=len(RANKING_FEATURES)), manifest("ranker", RANKING_FEATURES))
    assert load_ranker(right).features == RANKING_FEATURES
    with pytest.raises(InvalidArtifact, match="other columns"):
        load_ranker(right | {MANIFEST_FILE: msgspec.json.encode(manifest("ranker", RANKING_FEATURES[::-1]))})
    with pytest.raises(InvalidArtifact, match="other columns"):
        load_ranker(files)


def test_contributions_and_what_is_the_same_for_everybody_make_the_raw_score(files: dict[str, bytes]) -> None:
    model = Model.from_files(files)
    rows = np.random.default_rng(3).normal(0, 2, (5, len(FEATURES)))
    raw = np.asarray(model._booster.predict(rows, raw_score=True))
    rest = [score - sum(model.contributions(row.tolist()).values()) for row, score in zip(rows, raw, strict=True)]
    assert set(model.contributions(rows[0].tolist())) == set(FEATURES)
    assert np.ptp(rest) < 1e-6
