"""Trees as flat arrays: LightGBM's own scores to the bit, and everything that is not understood is refused."""

import random

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayce.errors import InvalidArtifact
from rayce.trees import Trees

TINY = float(np.float32(1e-35))
"""LightGBM takes values that are no farther from zero for zero."""
ODD = [np.nan, 0.0, -0.0, 1e-300, TINY, -TINY, 1e-36, -1e-36, 1e300, -1e300, np.inf, -np.inf]


def booster(seed: int = 1, leaves: int = 9, trees: int = 6, missing: float = 0.1, **more: object) -> lightgbm.Booster:
    """Trained on noise with missing values in the even columns."""
    chance = np.random.default_rng(seed)
    rows = chance.normal(0, 10, (400, 5))
    rows[:, 1] = chance.integers(0, 6, 400) if "categorical_feature" in more else rows[:, 1]
    rows[:, ::2][chance.random((400, 3)) < missing] = np.nan
    labels = np.nansum(rows, axis=1) + 5 * np.isnan(rows[:, 0]) + chance.normal(0, 5, 400)
    parameters = {"num_leaves": leaves, "min_data_in_leaf": 2, "num_threads": 1, "verbose": -1, "seed": seed, **more}
    if "categorical_feature" in more:
        labels += 30 * (rows[:, 1] % 2)
    if more.get("objective") == "multiclass":
        labels = np.arange(400) % 3
    data = lightgbm.Dataset(
        rows, labels, params=parameters, categorical_feature=more.get("categorical_feature", "auto")
    )
    return lightgbm.train(parameters, data, trees)


def rows_for(model: lightgbm.Booster, seed: int, count: int = 300) -> np.ndarray:  # type: ignore[type-arg]
    """Ordinary values, odd ones, and values that the model compares with."""
    chance = np.random.default_rng(seed)
    rows = chance.normal(0, 10, (count, model.num_feature()))
    thresholds = Trees.from_text(model.model_to_string()).threshold
    kind = chance.random(rows.shape)
    rows = np.where(kind < 0.3, chance.choice(thresholds, rows.shape), rows)
    return np.where(kind > 0.8, chance.choice(ODD, rows.shape), rows)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 64), st.integers(1, 12), st.sampled_from([0.0, 0.1, 0.7, 0.95]))
def test_the_scores_are_lightgbms_to_the_bit(seed: int, leaves: int, count: int, missing: float) -> None:
    model = booster(seed, leaves, count, missing)
    rows = rows_for(model, seed)
    found = Trees.from_text(model.model_to_string()).score_many(rows)
    assert found.tolist() == model.predict(rows, raw_score=True, num_threads=1).tolist()


@pytest.mark.parametrize("direction", ["8", "10", "0", "2"])
def test_a_split_of_the_missing_from_all_others_is_one(direction: str) -> None:
    """LightGBM makes it with an infinite threshold where little else is known of a feature."""
    text = booster().model_to_string()
    for name, value in (("threshold", "inf"), ("decision_type", direction)):
        for line in {line for line in text.splitlines() if line.startswith(f"{name}=")}:
            text = text.replace(line, f"{name}=" + " ".join([value] * len(line.split())))
    rows = np.array([[value] * 5 for value in (np.nan, np.inf, -np.inf, 1e300, 1.7976931348623157e308, 0.0, 5.0)])
    expected = lightgbm.Booster(model_str=_resized(text)).predict(rows, raw_score=True)
    assert Trees.from_text(text).score_many(rows).tolist() == np.asarray(expected).tolist()
    assert (len(set(np.asarray(expected).tolist())) == 2) is (direction == "8")


def test_a_tiny_value_is_zero_as_it_is_to_lightgbm() -> None:
    model = lightgbm.Booster(model_str=booster().model_to_string())
    for threshold in ("-1.0000000180025095e-35", "1.0000000180025095e-35", "0", "-1e-36", "1e-36", "-1e-34", "1e-34"):
        text = model.model_to_string()
        thresholds = next(line for line in text.splitlines() if line.startswith("threshold="))
        changed = text.replace(thresholds, "threshold=" + " ".join([threshold] * len(thresholds.split())))
        tiny = [np.nextafter(side * TINY, to) for side in (-1, 1) for to in (-np.inf, side * TINY, np.inf)]
        rows = np.array([[value] * 5 for value in [*tiny, 0.0, -0.0, 1e-36, -1e-36, 1e-34, -1e-34, np.nan]])
        expected = lightgbm.Booster(model_str=_resized(changed)).predict(rows, raw_score=True)
        assert Trees.from_text(changed).score_many(rows).tolist() == np.asarray(expected).tolist()


def _resized(text: str) -> str:
    """Without the sizes of the trees' sections, which are wrong once a section was changed."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("tree_sizes"))


@pytest.mark.parametrize("most", [0, 1, 3, 6, 99])
def test_the_first_trees_are_those_of_so_many_iterations(most: int) -> None:
    model = booster()
    rows = rows_for(model, 2)
    found = Trees.from_text(model.model_to_string(), most).score_many(rows)
    expected = model.predict(rows, raw_score=True, num_iteration=most) if most else np.zeros(len(rows))
    assert found.tolist() == np.asarray(expected).tolist()


def test_a_tree_that_is_a_single_leaf_adds_what_it_says() -> None:
    model = booster(min_data_in_leaf=400)
    trees = Trees.from_text(model.model_to_string())
    rows = np.zeros((3, 5))
    assert trees.score_many(rows).tolist() == model.predict(rows, raw_score=True).tolist() != [0, 0, 0]


def test_a_tree_that_is_a_single_leaf_may_stand_among_others() -> None:
    text = booster(trees=3).model_to_string()
    first, second, third = text.partition("end of trees")[0].split("\nTree=")[1:]
    leaf = "1\nnum_leaves=1\nnum_cat=0\nsplit_feature=\nthreshold=\ndecision_type=\nleft_child=\nright_child=\nleaf_value=7\n"
    head = text.partition("\nTree=")[0]
    rows = np.random.default_rng(1).normal(0, 10, (50, 5))
    one, three, all_three = (
        Trees.from_text("\nTree=".join([head, *trees])).score_many(rows)
        for trees in ([first], [third], [first, leaf, third])
    )
    assert all_three.tolist() == ((0.0 + one + 7.0) + three).tolist()
    assert second not in (first, third)


def test_nobody_to_score_is_nothing_to_tell() -> None:
    assert Trees.from_text(booster().model_to_string()).score_many(np.zeros((0, 5))).tolist() == []


@pytest.mark.parametrize(
    "more",
    [
        {"zero_as_missing": True},
        {"linear_tree": True},
        {"categorical_feature": [1], "min_data_per_group": 2, "max_cat_to_onehot": 1},
        {"objective": "multiclass", "num_class": 3},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        {"leaves": 65, "min_data_in_leaf": 1},
    ],
    ids=str,
)
def test_what_is_not_understood_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(InvalidArtifact):
        Trees.from_text(booster(**more).model_to_string())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "lie",
    [
        ("left_child=1", "left_child=0"),
        ("right_child=", "right_child=77 "),
        ("leaf_value=", "leaf_value=nan "),
        ("threshold=", "threshold=-1e999 "),
        ("threshold=", "threshold=1.7976931348623157e308 "),
        ("split_feature=", "split_feature=-1 "),
        ("num_class=1", "num_class=two"),
        ("leaf_value=", "leaf_worth="),
    ],
    ids=str,
)
def test_a_text_that_does_not_hold_together_is_refused(lie: tuple[str, str]) -> None:
    text = booster().model_to_string()
    assert lie[0] in text
    with pytest.raises(InvalidArtifact):
        Trees.from_text(text.replace(*lie))


def test_a_tree_whose_nodes_share_their_children_does_not_fill_the_memory() -> None:
    deep = " ".join(str(n) for n in range(1, 63)) + " -1"
    tree = (
        "Tree=0\nnum_leaves=64\nnum_cat=0\n"
        f"split_feature={'0 ' * 63}\nthreshold={'1 ' * 63}\ndecision_type={'2 ' * 63}\n"
        f"left_child={deep}\nright_child={deep}\nleaf_value={'1 ' * 64}\n"
    )
    with pytest.raises(InvalidArtifact, match="do not go together"):
        Trees.from_text(f"tree\nnum_class=1\nnum_tree_per_iteration=1\n\n{tree}\nend of trees\n")


def test_damage_is_an_invalid_artifact_or_another_model_and_nothing_else() -> None:
    text = booster(leaves=4, trees=2).model_to_string().partition("end of trees")[0]
    chance = random.Random(1)
    refused = 0
    for _ in range(400):
        at = chance.randrange(len(text))
        try:
            Trees.from_text(text[:at] + chance.choice("0179-= .\nexn") + text[at + 1 :])
        except InvalidArtifact:
            refused += 1
    assert 20 < refused < 400
