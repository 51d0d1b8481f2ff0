"""The compiled loop gives the scores of the trees as they stand in the text, on any rows; what differs by a hair is caught."""

import subprocess
import sys
from collections.abc import Callable

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayce.tree_kernel import TreeKernel
from rayce.trees import Trees
from tests.rayce.test_trees import booster, rows_for

FEATURES = 5


def predict_of(model: lightgbm.Booster) -> Callable[[np.ndarray], np.ndarray]:  # type: ignore[type-arg]
    return lambda rows: np.asarray(model.predict(rows, raw_score=True, num_threads=1))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 64), st.sampled_from([0.0, 0.1, 0.7, 0.95]), st.integers(0, 70))
def test_the_scores_are_lightgbms_to_the_bit(seed: int, leaves: int, missing: float, count: int) -> None:
    model = booster(seed, leaves, 8, missing)
    rows = rows_for(model, seed, count)
    kernel = TreeKernel(Trees.from_text(model.model_to_string()))
    assert kernel.score_many(rows).tolist() == (predict_of(model)(rows).tolist() if count else [])


def test_how_rows_lie_in_memory_does_not_matter_and_they_are_left_as_they_are() -> None:
    model = booster()
    rows = rows_for(model, 3)
    kernel, before = TreeKernel(Trees.from_text(model.model_to_string())), rows.copy()
    expected = kernel.score_many(rows)
    assert kernel.score_many(np.asfortranarray(rows)).tolist() == expected.tolist()
    assert kernel.score_many(rows[::3]).tolist() == expected[::3].tolist()
    assert np.array_equal(rows, before, equal_nan=True)


def test_it_agrees_with_lightgbm() -> None:
    model = booster(leaves=31, trees=40)
    assert TreeKernel(Trees.from_text(model.model_to_string())).agrees(predict_of(model), FEATURES)


def test_it_agrees_where_no_tree_has_a_split() -> None:
    model = booster(min_data_in_leaf=400)
    assert TreeKernel(Trees.from_text(model.model_to_string())).agrees(predict_of(model), FEATURES)


def _leaves_moved(trees: Trees) -> Trees:
    leaf = trees.leaf.copy()
    leaf[7] = np.nextafter(leaf[7], np.inf)
    return trees._replace(leaf=leaf)


MUTANTS: dict[str, Callable[[Trees], Trees]] = {
    "below instead of not above": lambda trees: trees._replace(threshold=np.nextafter(trees.threshold, -np.inf)),
    "a hair too far": lambda trees: trees._replace(threshold=np.nextafter(trees.threshold, np.inf)),
    "missing goes the other way": lambda trees: trees._replace(fill=-trees.fill),
    "missing is zero": lambda trees: trees._replace(fill=np.zeros_like(trees.fill)),
    "the leaves of a tree a hair too high": _leaves_moved,
    "a tree less": lambda trees: trees._replace(start=trees.start[:-1], leaf=trees.leaf[:-1]),
    "summed backwards": lambda trees: Trees(
        *trees[:3],
        *(np.concatenate([a[s:e] for s, e in reversed(_spans(trees))]) for a in trees[3:6]),  # type: ignore[arg-type]
        start=np.cumsum([0, *(e - s for s, e in reversed(_spans(trees)))], dtype=np.int32),
        leaf=np.ascontiguousarray(trees.leaf[::-1]),
    ),
}
"""Each is a kernel that is wrong by very little."""


def _spans(trees: Trees) -> list[tuple[int, int]]:
    return list(zip(trees.start[:-1].tolist(), trees.start[1:].tolist(), strict=True))


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_kernel_that_is_wrong_by_very_little_does_not_agree(mutant: str) -> None:
    model = booster(leaves=31, trees=40)
    wrong = MUTANTS[mutant](Trees.from_text(model.model_to_string()))
    assert not TreeKernel(wrong).agrees(predict_of(model), FEATURES)


def test_the_compiler_is_not_there_until_a_kernel_is_made() -> None:
    program = """
import sys
import numpy as np
import rayce.light_model
assert "lightgbm" not in sys.modules, "the edge's light model needs no LightGBM"
import rayce.model, cluster.stream.build, deployments.ranker
from tests.trained import trained_on
model = rayce.model.load_segment_model(trained_on("views_5m"))
model.score_many(np.ones((1, 1)))
assert "numba" not in sys.modules, "a segment model needs no compiler"
from rayce.tree_kernel import TreeKernel
from rayce.trees import Trees
TreeKernel(Trees.from_text(trained_on("views_5m")["model.txt"].decode()))
assert "numba" in sys.modules
"""
    found = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=100)
    assert found.returncode == 0, found.stderr
