"""`rayce.sequence.transitions` against the definition, pair by pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.sequence.sequences import Sequences
from rayce.sequence.transitions import DOUBT, FADE, REACH, UNMET, Transitions

N = 7
histories = st.lists(st.lists(st.integers(0, N - 1), max_size=14), min_size=1, max_size=6)


def slowly(lists: list[list[int]], history: list[int], fade: float) -> list[float]:
    often = [sum(each.count(item) for each in lists) for item in range(N)]
    found = [0.0] * N
    for age, item in enumerate(reversed(history)):
        for each in lists:
            for n, before in enumerate(each):
                for distance in range(1, REACH + 1):
                    if before == item and n + distance < len(each):
                        found[each[n + distance]] += fade**age * FADE ** (distance - 1) / (often[item] + DOUBT)
    return found


@given(histories, st.lists(st.integers(0, N - 1), max_size=6))
def test_it_counts_what_followed_within_reach_the_nearer_the_more(lists: list[list[int]], history: list[int]) -> None:
    transitions = Transitions.fit(Sequences.of(lists), N)

    found = transitions.after(np.array(history, np.int32), (0.5, 0.9))

    expected = np.log(np.array([slowly(lists, history, fade) for fade in (0.5, 0.9)]) + UNMET)
    assert found == pytest.approx(expected, abs=2e-4)


def test_what_one_person_took_does_not_follow_what_another_took() -> None:
    transitions = Transitions.fit(Sequences.of([[0, 1], [2, 3]]), 4)

    found = transitions.after(np.array([1], np.int32), (1.0,))

    assert found.tolist() == [[pytest.approx(np.log(UNMET), rel=1e-5)] * 4]
