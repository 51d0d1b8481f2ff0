"""How the loss of the recurrent network changes with its parameters: the layers of `rayce.sequence.recurrent` backwards.

The loss is the mean of -log of the chance of the item that came next, among the items that the person did not have yet: seen
ones are never asked for.
"""

from typing import Any, NamedTuple

import numpy as np

from rayce.sequence.kernel import compiled
from rayce.sequence.recurrent import WIDTH, Layers, Normal, Parameters, forward
from rayce.sequence.sequences import Floats, Ints, Longs

BLOCK = 512
_LOW = np.float32(-1e9)


class Steps(NamedTuple):
    """Steps of some sequences: at each the item, and the one after it, -1 where that is not asked for."""

    items: Ints
    starts: Longs
    labels: Ints


class Asked(NamedTuple):
    """Items that a step is asked to choose among, and by item its column, -1 where it is not asked for.

    `rarity` is added to the logits: -log of the chance that the item is among them (all zeros where all are).
    """

    items: Ints
    place: Ints
    rarity: Floats


def slopes(
    p: Parameters, steps: Steps, asked: Asked, drops: tuple[Floats, Floats, Floats] | None
) -> tuple[float, dict[str, Floats]]:
    """The loss, and its slope by parameter."""
    layers = forward(p, steps.items, steps.starts, drops)
    found = {name: np.zeros_like(p[name]) for name in ("items", "bias")}
    loss, expected = _choice(p, layers, steps, asked, found)
    found["gain"] = (expected * layers.last.rows).sum(axis=0, keepdims=True)
    x = _normal_back(expected * p["gain"], layers.last)
    x = _hidden_back(p, layers, x, found)
    x = _states_back(p, layers, steps.starts, x, found)
    if layers.drops:
        x *= layers.drops[0]
    compiled().add_rows(found["items"], steps.items, np.ascontiguousarray(x * np.float32(WIDTH**0.5)))
    return loss, found


def _choice(
    p: Parameters, layers: Layers, steps: Steps, asked: Asked, found: dict[str, Floats]
) -> tuple[float, Floats]:
    """The loss, and its slopes by expectation; a block of steps at a time, as the logits are large."""
    kernel, total = compiled(), 0.0
    expected = layers.last.rows * p["gain"]
    among, bias = p["items"][asked.items], p["bias"][:, asked.items] + asked.rarity
    columns = np.where(steps.labels >= 0, asked.place[steps.labels], -1).astype(np.int32)
    count = max(1, int((columns >= 0).sum()))
    of_expected, of_among, of_bias = np.empty_like(expected), np.zeros_like(among), np.zeros_like(bias)
    for first in range(0, len(expected), BLOCK):
        rows = slice(first, first + BLOCK)
        weights = expected[rows] @ among.T
        weights += bias
        kernel.hide_seen(weights, steps.items, steps.starts, first, asked.place, _LOW)
        weights -= weights.max(axis=1, keepdims=True)
        np.exp(weights, out=weights)
        total += kernel.loss_and_slopes(weights, columns[rows], np.float32(1 / count))
        of_expected[rows] = weights @ among
        of_among += weights.T @ expected[rows]
        of_bias += weights.sum(axis=0, keepdims=True)
    found["items"][asked.items] = of_among
    found["bias"][:, asked.items] = of_bias
    return total / count, of_expected


def _hidden_back(p: Parameters, layers: Layers, x: Floats, found: dict[str, Floats]) -> Floats:
    out: Any = x * layers.drops[2] if layers.drops else x
    found["hidden_out"] = layers.hidden.T @ out
    found["hidden_out_bias"] = out.sum(axis=0, keepdims=True)
    hidden: Any = (out @ p["hidden_out"].T) * (layers.hidden > 0)
    found["hidden"] = layers.second.rows.T @ hidden
    found["hidden_bias"] = hidden.sum(axis=0, keepdims=True)
    back: Floats = x + _normal_back(hidden @ p["hidden"].T, layers.second)
    return back


def _states_back(p: Parameters, layers: Layers, starts: Longs, x: Floats, found: dict[str, Floats]) -> Floats:
    out: Any = x * layers.drops[1] if layers.drops else x
    found["out"] = layers.states.T @ out
    gates, inner = np.empty_like(layers.gates), np.empty_like(layers.gates)
    compiled().scan_back(layers.gates, layers.inner, starts, layers.states, out @ p["out"].T, gates, inner)
    gates *= layers.gates * (1 - layers.gates)
    found["gate"], found["inner"] = layers.first.rows.T @ gates, layers.first.rows.T @ inner
    found["gate_bias"] = gates.sum(axis=0, keepdims=True)
    return x + _normal_back(gates @ p["gate"].T + inner @ p["inner"].T, layers.first)


def _normal_back(slope: Floats, normal: Normal) -> Floats:
    along = (slope * normal.rows).mean(axis=1, keepdims=True)
    found: Floats = normal.factor * (slope - slope.mean(axis=1, keepdims=True) - normal.rows * along)
    return found
