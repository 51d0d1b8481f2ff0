"""Thresholds against a slow search; what is promised is kept on rows that were not looked at."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.segments.aim import Aim
from rayce.thresholds import MIN_ROWS, NOBODY, Held, choose, earlier_half, reached

rows = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 1), st.integers(0, 9), st.integers(0, 50)), min_size=1, max_size=80
)


def held(given_rows: list[tuple[int, int, int, int]]) -> Held:
    scores, labels, people, at_ms = (np.array(column) for column in zip(*given_rows, strict=True))
    return Held(scores / 12, labels.astype(np.int8), people.astype(np.int64), at_ms.astype(np.int64))


def drawn(count: int, seed: int) -> Held:
    """Well calibrated scores of five hundred people."""
    chance = np.random.default_rng(seed)
    scores = chance.beta(2, 2, count)
    labels = (chance.random(count) < scores).astype(np.int8)
    return Held(scores, labels, chance.integers(0, 500, count), np.arange(count))


@given(rows, st.sampled_from([0.25, 0.5, 0.8]))
def test_no_lower_threshold_is_precise_enough(given_rows: list[tuple[int, int, int, int]], precision: float) -> None:
    found = choose(held(given_rows), Aim(precision=precision))
    good = []
    for threshold in sorted({round(score / 12, 6) for score, *_rest in given_rows}):
        labels = [label for score, label, *_rest in given_rows if round(score / 12, 6) >= threshold]
        if len(labels) >= MIN_ROWS and sum(labels) / len(labels) >= precision:
            good.append(threshold)
    assert found == min(good, default=NOBODY)


@given(rows, st.sampled_from([0.1, 0.3, 0.6]))
def test_the_size_is_of_people_by_their_last_row_and_never_too_great(
    given_rows: list[tuple[int, int, int, int]], size: float
) -> None:
    found = choose(held(given_rows), Aim(size=size))
    last: dict[int, tuple[int, int, float]] = {}
    for place, (score, _label, who, at_ms) in enumerate(given_rows):
        last[who] = max(last.get(who, (-1, -1, 0.0)), (at_ms, place, round(score / 12, 6)))
    scores = [score for _at_ms, _place, score in last.values()]
    wanted = int(size * len(scores) + 0.5)
    taken = sum(score >= found for score in scores)
    assert taken <= wanted or found == max(scores)
    lower = [score for score in scores if score < found]
    if lower and taken <= wanted:
        assert sum(score >= max(lower) for score in scores) > wanted
    assert reached(held(given_rows), found).share == pytest.approx(taken / len(scores))


def test_what_is_declared_holds_on_other_rows() -> None:
    chosen_on, kept_on = drawn(20_000, 1), drawn(20_000, 2)
    assert reached(kept_on, choose(chosen_on, Aim(precision=0.8))).precision == pytest.approx(0.8, abs=0.02)
    assert reached(kept_on, choose(chosen_on, Aim(size=0.1))).share == pytest.approx(0.1, abs=0.04)
    assert reached(kept_on, 0.5).precision < 0.75, "negative control: the usual half does not"


def test_a_precision_that_cannot_be_had_lets_nobody_in() -> None:
    noise = drawn(5_000, 1)._replace(labels=np.zeros(5_000, np.int8))
    assert choose(noise, Aim(precision=0.3)) == NOBODY
    assert reached(noise, NOBODY) == (0.0, 0.0)


def test_nobody_at_all_is_no_threshold() -> None:
    empty = drawn(10, 1).where(np.zeros(10, np.bool_))
    assert choose(empty, Aim(size=0.5)) == choose(empty, Aim(precision=0.5)) == NOBODY
    assert reached(empty, 0.5) == (0.0, 0.0)


def test_halves_are_by_time() -> None:
    early = earlier_half(drawn(100, 1))
    assert early.sum() == 50 and early[:50].all()
