"""`rayce.sequence.recurrent` against the definition, step by step in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayce.sequence import recurrent
from rayce.sequence.recurrent import WIDTH, Parameters, begin, logits
from rayce.sequence.sequences import Sequences

N = 9
P = begin(N, np.random.default_rng(3))
histories = st.lists(st.lists(st.integers(0, N - 1), min_size=1, max_size=9), min_size=1, max_size=5)


def normal(x: np.ndarray) -> np.ndarray:
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5)


def slowly(parameters: Parameters, history: list[int]) -> np.ndarray:
    p = {name: value.astype(np.float64) for name, value in parameters.items()}
    state = np.zeros(p["gate"].shape[1])
    for item in history:
        x = p["items"][item] * WIDTH**0.5
        gate = 1 / (1 + np.exp(-(normal(x) @ p["gate"] + p["gate_bias"][0])))
        state = (1 - gate) * state + gate * (normal(x) @ p["inner"])
        x = x + state @ p["out"]
        hidden = np.maximum(normal(x) @ p["hidden"] + p["hidden_bias"][0], 0)
        x = x + hidden @ p["hidden_out"] + p["hidden_out_bias"][0]
    return np.asarray((normal(x) * p["gain"][0]) @ p["items"].T + p["bias"][0])


@given(histories)
@settings(max_examples=40, deadline=None)
def test_it_says_what_the_definition_says_of_many_as_of_one(lists: list[list[int]]) -> None:
    found = logits(P, Sequences.of(lists))

    for row, history in zip(found, lists, strict=True):
        assert row == pytest.approx(slowly(P, history), abs=2e-3)
        assert row == pytest.approx(logits(P, Sequences.of([history]))[0], abs=1e-4)


def test_what_lies_far_back_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrent, "RECENT", 3)

    assert logits(P, Sequences.of([[5, 6, 1, 2, 3]])).tolist() == logits(P, Sequences.of([[1, 2, 3]])).tolist()


def test_the_order_counts() -> None:
    one, other = logits(P, Sequences.of([[1, 2, 3], [3, 2, 1]]))

    assert abs(one - other).max() > 0.01
