"""A small recurrent network that expects the next item: what it is made of, and what it says of histories.

One layer whose gates look at the input only (minGRU: Feng et al., "Were RNNs all we needed?", 2024, 3.1), so that everything
but one cheap pass along the sequence is products of matrices; then one hidden layer (pre-normalised, with residuals), and the
scores are products with the very embeddings that came in. Gates begin spread from slow to fast: some states keep long.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from rayce.sequence.kernel import compiled
from rayce.sequence.sequences import Floats, Ints, Longs, Sequences

RECENT = 400
"""Items of a history that are looked at: the slowest gate begins at a memory of 55."""
WIDTH, STATES, HIDDEN = 128, 256, 256
SLOWEST, FASTEST = -4.0, 2.0
_TINY = np.float32(1e-5)

Parameters = Mapping[str, Floats]


class Normal(NamedTuple):
    """Rows with mean 0 and variance 1, and the factor that made them so."""

    rows: Floats
    factor: Floats


class Layers(NamedTuple):
    """What the network had in hand at every step; the drops are factors by element, 1 where nothing is dropped."""

    first: Normal
    gates: Floats
    inner: Floats
    states: Floats
    second: Normal
    hidden: Floats
    last: Normal
    drops: tuple[Floats, Floats, Floats] | None


def begin(n_items: int, chance: np.random.Generator) -> dict[str, Floats]:
    """Parameters before training."""

    def drawn(rows: int, columns: int, scale: float) -> Floats:
        return (chance.standard_normal((rows, columns), np.float32) * np.float32(scale)).astype(np.float32)

    return {
        "items": drawn(n_items, WIDTH, WIDTH**-0.5),
        "bias": np.zeros((1, n_items), np.float32),
        "gate": drawn(WIDTH, STATES, 0.5 * WIDTH**-0.5),
        "gate_bias": np.linspace(SLOWEST, FASTEST, STATES, dtype=np.float32)[None, :],
        "inner": drawn(WIDTH, STATES, WIDTH**-0.5),
        "out": drawn(STATES, WIDTH, STATES**-0.5),
        "hidden": drawn(WIDTH, HIDDEN, WIDTH**-0.5),
        "hidden_bias": np.zeros((1, HIDDEN), np.float32),
        "hidden_out": drawn(HIDDEN, WIDTH, 0.5 * HIDDEN**-0.5),
        "hidden_out_bias": np.zeros((1, WIDTH), np.float32),
        "gain": np.ones((1, WIDTH), np.float32),
    }


def forward(p: Parameters, items: Ints, starts: Longs, drops: tuple[Floats, Floats, Floats] | None = None) -> Layers:
    """All steps of some sequences at once; what is expected after a step is `expectation`."""
    x = p["items"][items] * np.float32(WIDTH**0.5)
    if drops:
        x *= drops[0]
    first = normal(x)
    gates = first.rows @ p["gate"]
    gates += p["gate_bias"]
    gates = 1 / (1 + np.exp(-gates))
    inner = first.rows @ p["inner"]
    states = np.empty_like(gates)
    compiled().scan(gates, inner, starts, states)
    out = states @ p["out"]
    x = x + (out * drops[1] if drops else out)
    second = normal(x)
    hidden = np.maximum(second.rows @ p["hidden"] + p["hidden_bias"], 0)
    out = hidden @ p["hidden_out"] + p["hidden_out_bias"]
    x = x + (out * drops[2] if drops else out)
    return Layers(first, gates, inner, states, second, hidden, normal(x), drops)


def normal(x: Floats) -> Normal:
    """Layer normalisation without gain."""
    centred = x - x.mean(axis=1, keepdims=True)
    factor = 1 / np.sqrt((centred * centred).mean(axis=1, keepdims=True) + _TINY)
    return Normal(centred * factor, factor)


def expectation(p: Parameters, sequences: Sequences) -> Floats:
    """By user a row of `WIDTH` numbers: what is expected after each history. None may be empty."""
    recent = sequences.recent(RECENT)
    layers = forward(p, recent.items, recent.starts)
    found: Floats = layers.last.rows[recent.starts[1:] - 1] * p["gain"]
    return found


def logits(p: Parameters, sequences: Sequences) -> Floats:
    """By user and item, greater is likelier: up to a constant the logarithms of the chances."""
    if not sequences.users:
        return np.zeros((0, len(p["items"])), np.float32)
    found: Floats = expectation(p, sequences) @ p["items"].T + p["bias"]
    return found
