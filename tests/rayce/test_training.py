import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidArtifact
from rayce.model import Model
from rayce.training import (
    MAX_TREES,
    Rows,
    area_under_curve,
    check_model,
    log_loss,
    train_classifier,
    train_ranker,
    trained,
)

NAMES = ("signal", "noise")


def rows(count: int, seed: int, group: int | None = None) -> Rows:
    """The label follows the first feature, most of the time."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 2))
    labels = (features[:, 0] + rng.normal(scale=0.5, size=count) > 0.8).astype(np.int8)
    groups = np.full(count // group, group, dtype=np.int32) if group else None
    return Rows(features, labels, np.arange(count, dtype=np.int64), groups)


def test_a_classifier_finds_the_signal_and_ignores_the_noise() -> None:
    train, held_out = rows(2_000, 1), rows(500, 2)
    made = trained(train_classifier(train, held_out, NAMES), "segment-model", NAMES, train, {"auc": 0.9})
    model = Model.from_files(made.files)
    assert area_under_curve(held_out.labels, model.score_many(held_out.features)) > 0.9
    assert list(made.importance) == ["signal", "noise"]
    assert made.importance["signal"] > 0.8
    assert (model.manifest.rows, model.manifest.from_ms, model.manifest.until_ms) == (2_000, 0, 1_999)
    assert model.manifest.metrics == {"auc": 0.9, "trees": made.metrics["trees"]}


def test_a_ranker_orders_within_the_group() -> None:
    train, held_out = rows(2_000, 1, group=20), rows(400, 2, group=20)
    made = trained(train_ranker(train, held_out, NAMES), "ranker", NAMES, train, {})
    scores = Model.from_files(made.files).score_many(np.array([[-2.0, 5.0], [0.0, 0.0], [2.0, -5.0]]))
    assert scores[0] < scores[1] < scores[2]


def test_training_ends_when_nothing_is_gained() -> None:
    train, held_out = rows(300, 1), rows(300, 2)
    held_out = held_out._replace(labels=np.random.default_rng(3).integers(0, 2, 300).astype(np.int8))
    assert train_classifier(train, held_out, NAMES).num_trees() < MAX_TREES / 2


def test_the_same_rows_give_the_same_bytes() -> None:
    train, held_out = rows(2_000, 1, group=20), rows(400, 2, group=20)
    made = [trained(train_ranker(train, held_out, NAMES), "ranker", NAMES, train, {}).files for _ in range(2)]
    assert made[0] == made[1]


def test_a_model_with_other_features_is_refused() -> None:
    train, held_out = rows(500, 1), rows(100, 2)
    made = trained(train_classifier(train, held_out, NAMES), "segment-model", NAMES, train, {})
    check_model(made.files, NAMES)
    with pytest.raises(InvalidArtifact, match="other features"):
        check_model(made.files, ("noise", "signal"))
    with pytest.raises(InvalidArtifact):
        check_model({**made.files, "model.txt": b"tree"}, NAMES)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=30))
def test_auc_is_the_chance_that_a_positive_scores_higher(pairs: list[tuple[bool, int]]) -> None:
    positive = [score for label, score in pairs if label]
    negative = [score for label, score in pairs if not label]
    wins = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    expected = sum(wins) / len(wins) if wins else 0.5
    labels, scores = (np.array(column) for column in zip(*pairs, strict=True))
    assert area_under_curve(labels.astype(np.int8), scores.astype(np.float64)) == pytest.approx(expected)


def test_log_loss_survives_certainty() -> None:
    labels = np.array([0, 1], dtype=np.int8)
    assert log_loss(labels, np.array([0.5, 0.5])) == pytest.approx(np.log(2))
    assert log_loss(labels, np.array([0.0, 1.0])) == pytest.approx(0, abs=1e-9)
    assert log_loss(labels, np.array([1.0, 0.0])) < 30
