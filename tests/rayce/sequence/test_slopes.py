"""`rayce.sequence.slopes` against differences of the loss."""

import numpy as np
import pytest

from rayce.sequence.recurrent import Parameters, begin
from rayce.sequence.sequences import Sequences
from rayce.sequence.slopes import Asked, Steps, slopes
from rayce.sequence.training import unseen_labels

N = 11
NAMES = sorted(begin(N, np.random.default_rng(0)))


def asked(items: list[int], rarity: float = 0.0) -> Asked:
    place = np.full(N, -1, np.int32)
    place[items] = np.arange(len(items))
    return Asked(np.array(items, np.int32), place, np.full((1, len(items)), rarity, np.float32))


EVERYTHING = asked(list(range(N)))


@pytest.fixture
def parameters() -> dict[str, np.ndarray]:
    return begin(N, np.random.default_rng(1))


@pytest.fixture
def steps() -> Steps:
    chance = np.random.default_rng(2)
    sequences = Sequences.of(chance.integers(0, N, size) for size in (7, 4, 9))
    return Steps(sequences.items, sequences.starts, unseen_labels(sequences))


def loss(p: Parameters, steps: Steps, among: Asked) -> float:
    return slopes(p, steps, among, None)[0]


def measured(p: Parameters, steps: Steps, among: Asked, name: str, along: np.ndarray) -> float:
    """How the loss changes with a step of `along`."""
    size = np.float32(0.01)
    up, down = ({**p, name: p[name] + sign * size * along} for sign in (1, -1))
    return (loss(up, steps, among) - loss(down, steps, among)) / (2 * float(size))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("among", [EVERYTHING, asked([0, 2, 3, 5, 7, 8, 10], -0.4)], ids=["all", "some"])
def test_slopes_are_what_a_small_step_changes(
    parameters: dict[str, np.ndarray], steps: Steps, name: str, among: Asked
) -> None:
    found = slopes(parameters, steps, among, None)[1][name]

    along = found / np.linalg.norm(found)
    change = measured(parameters, steps, among, name, along)
    assert change == pytest.approx(float(np.linalg.norm(found)), rel=0.02)
    assert change != pytest.approx(1.1 * float(np.linalg.norm(found)), rel=0.02)  # so a wrong one would be found


def test_dropping_is_in_the_slopes_too(parameters: dict[str, np.ndarray], steps: Steps) -> None:
    shape = (3, len(steps.items), parameters["items"].shape[1])
    first, second, third = (np.random.default_rng(4).random(shape) < 0.7).astype(np.float32) / np.float32(0.7)
    drops = (first, second, third)
    found = slopes(parameters, steps, EVERYTHING, drops)[1]["inner"]

    along, size = found / np.linalg.norm(found), np.float32(0.01)
    up, down = ({**parameters, "inner": parameters["inner"] + sign * size * along} for sign in (1, -1))
    change = slopes(up, steps, EVERYTHING, drops)[0] - slopes(down, steps, EVERYTHING, drops)[0]
    assert change / (2 * float(size)) == pytest.approx(float(np.linalg.norm(found)), rel=0.02)


def test_what_a_person_had_is_not_asked_for(parameters: dict[str, np.ndarray]) -> None:
    steps = Steps(np.array([4, 6], np.int32), np.array([0, 2]), np.array([6, 2], np.int32))

    _, found = slopes(parameters, steps, EVERYTHING, None)

    assert found["bias"][0, 4] == 0
    assert found["bias"][0, 6] != 0  # asked for at the first step, right there


def test_a_step_without_a_label_says_nothing(parameters: dict[str, np.ndarray]) -> None:
    nothing = Steps(np.array([4, 6], np.int32), np.array([0, 2]), np.array([-1, -1], np.int32))

    worth, found = slopes(parameters, nothing, EVERYTHING, None)

    assert worth == 0 and not any(slope.any() for slope in found.values())
