"""The measures against slow ones of the textbook, and their bounds."""

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.evaluation.measures import LIMIT, MEASURES, measure
from rayce.relevance import Relevance

items = st.integers(0, 30).map(str)
lists = st.lists(items, unique=True, max_size=15)
baskets = st.frozensets(items, min_size=1, max_size=20)


def slow(listed: list[str], wanted: frozenset[str]) -> list[float]:
    top = listed[:10]
    hits = [item for item in top if item in wanted]
    gain = sum(1 / log2(rank + 1) for rank, item in enumerate(top, 1) if item in wanted)
    best = sum(1 / log2(rank + 1) for rank in range(1, min(len(wanted), 10) + 1))
    first = next((rank for rank, item in enumerate(top, 1) if item in wanted), None)
    return [float(len(hits) > 0), len(hits) / len(wanted), len(hits) / 10, 1 / first if first else 0.0, gain / best]


@given(lists, baskets)
def test_they_are_the_textbooks(listed: list[str], wanted: frozenset[str]) -> None:
    found = measure(listed, wanted)
    assert found == pytest.approx(slow(listed, wanted))
    assert all(0 <= value <= 1 + 1e-12 for value in found)


@given(lists, baskets)
def test_hit_rate_and_ndcg_are_those_of_training(listed: list[str], wanted: frozenset[str]) -> None:
    told = Relevance()
    told.add(listed, wanted)
    found = dict(zip(MEASURES, measure(listed, wanted), strict=True))
    assert found["hit_rate_at_10"] == told.hit_rate and found["ndcg_at_10"] == pytest.approx(told.ndcg)


def test_the_best_list_has_an_ndcg_of_one_and_what_stands_behind_the_tenth_counts_for_nothing() -> None:
    wanted = frozenset(map(str, range(20)))
    assert measure([str(n) for n in range(10)], wanted)[MEASURES.index("ndcg_at_10")] == pytest.approx(1.0)
    late = [*(f"x{n}" for n in range(LIMIT)), "1"]
    assert measure(late, wanted) == (0.0,) * len(MEASURES)
