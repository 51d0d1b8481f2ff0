"""Stages of buying by a person's own rhythm, and scores by quantile."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.batch_segments.definition import STAGES, Lifecycle
from rayce.batch_segments.lifecycle import quantile_scores, stages, usual_days
from rayce.batch_segments.totals import NEVER_MS, Purchases
from rayce.decay import DAY_MS
from tests.samples import T0


def bought(*days_ago: list[float]) -> Purchases:
    """Of each person, how many days ago they bought."""
    rows = []
    for each in days_ago:
        at_ms = sorted(T0 - int(days * DAY_MS) for days in each)
        rows.append(
            (len(at_ms), *(at_ms[:1] or [NEVER_MS]), *(at_ms[-1:] or [NEVER_MS]), *(at_ms[-2:-1] or [NEVER_MS]))
        )
    return Purchases(*(np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)))


@pytest.mark.parametrize(
    "days_ago, stage",
    [
        ([], "prospect"),
        ([3], "new"),
        ([45], "active"),
        ([70], "at_risk"),
        ([130], "lapsed"),
        ([40, 50, 60, 70], "lapsed"),
        ([25, 35, 45, 55], "at_risk"),
        ([10, 20, 30, 40], "active"),
        ([90, 180, 270, 360], "active"),
        ([5, 105, 115, 125], "won_back"),
        ([5, 200], "won_back"),
        ([40, 140, 150, 160], "active"),
    ],
)
def test_the_stage_goes_by_their_own_rhythm(days_ago: list[float], stage: str) -> None:
    assert stages(bought(days_ago), Lifecycle(usual_days=30.0), T0).tolist() == [stage]


def test_who_has_no_rhythm_is_held_against_the_usual_one() -> None:
    people = bought([40], [10, 20, 30], [100, 200, 300, 400], [5, 15, 25])
    assert usual_days(people) == 10.0
    assert stages(people, Lifecycle(), T0).tolist()[0] == "lapsed"
    assert stages(people, Lifecycle(usual_days=25.0), T0).tolist()[0] == "active"
    assert usual_days(bought([1], [])) == 30.0


@given(st.lists(st.lists(st.integers(0, 2_000), max_size=6), min_size=1, max_size=8), st.integers(1, 90))
def test_everybody_has_one_stage_whatever_they_bought(people: list[list[float]], usual: int) -> None:
    found = stages(bought(*people), Lifecycle(usual_days=float(usual)), T0)
    assert set(found.tolist()) <= set(STAGES)
    assert [stage == "prospect" for stage in found.tolist()] == [not days for days in people]


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=1, max_size=40), st.integers(2, 7))
def test_scores_go_from_the_worst_to_the_best_and_equal_values_score_alike(
    people: list[tuple[int, bool]], parts: int
) -> None:
    values, among = np.array([float(v) for v, _ in people]), np.array([a for _, a in people])
    found, reverse = quantile_scores(values, among, parts), quantile_scores(-values, among, parts, least_is_best=True)
    assert found.tolist() == reverse.tolist()
    assert not found[~among].any()
    by_value = sorted(set(zip(values[among].tolist(), found[among].tolist(), strict=True)))
    assert len(by_value) == len(set(values[among].tolist())), "equal values score alike"
    scores = [score for _value, score in by_value]
    assert scores == sorted(scores) and scores[:1] in ([], [1])
    assert len(scores) < 2 or scores[-1] == parts


@given(st.permutations(range(60)), st.integers(1, 60), st.integers(2, 7))
def test_values_that_all_differ_are_parted_into_quantiles(order: list[int], count: int, parts: int) -> None:
    values = np.array([float(value) for value in order if value < count])
    sizes = np.bincount(quantile_scores(values, np.ones(count, dtype=bool), parts).astype(int), minlength=parts + 1)
    assert sizes[0] == 0
    if count >= parts:
        assert max(sizes[1:]) - min(sizes[1:]) <= (count % parts > 0), "as even as the number allows"


def test_many_at_the_best_value_have_the_best_score() -> None:
    values = np.array([1_000.0] * 160 + [float(value) for value in range(178)])
    found = quantile_scores(values, np.ones(338, dtype=bool), 5)
    assert set(found[:160]) == {5.0} and found[160] == 1.0 and max(found[160:]) == 3.0
