"""`rayce.sequence.learnt`: what was learnt is read as it was written, and follows the items to other numbers."""

import numpy as np
import pytest

from rayce.errors import InvalidArtifact
from rayce.sequence.learnt import Learnt
from rayce.sequence.recurrent import begin, logits
from rayce.sequence.sequences import Sequences

N = 12


@pytest.fixture
def learnt() -> Learnt:
    network = begin(N, np.random.default_rng(3))
    network["bias"] = np.linspace(-1, 1, N, dtype=np.float32)[None, :]
    return Learnt(network, np.array([0.5, 0.25]), 7)


def test_it_is_read_as_it_was_written(learnt: Learnt) -> None:
    found = Learnt.from_bytes(learnt.to_bytes())
    assert found.updates == 7
    assert found.weights.tolist() == [0.5, 0.25]
    assert {name: value.tobytes() for name, value in found.network.items()} == {
        name: value.tobytes() for name, value in learnt.network.items()
    }
    assert found.to_bytes() == learnt.to_bytes()


@pytest.mark.parametrize("damage", [b"", b"nonsense"])
def test_damaged_bytes_are_refused(learnt: Learnt, damage: bytes) -> None:
    with pytest.raises(InvalidArtifact):
        Learnt.from_bytes(damage)
    with pytest.raises(InvalidArtifact):
        Learnt.from_bytes(learnt.to_bytes()[:-30])


def test_arrays_that_do_not_speak_of_the_same_items_are_refused(learnt: Learnt) -> None:
    network = {**learnt.network, "bias": learnt.network["bias"][:, :-1]}
    with pytest.raises(InvalidArtifact, match="same items"):
        Learnt.from_bytes(learnt._replace(network=network).to_bytes())


def test_under_other_numbers_the_same_is_expected_and_nothing_of_what_is_new(learnt: Learnt) -> None:
    former = np.array([5, -1, 0, 11, 3], np.int32)
    history, same = [0, 3], [5, 11]
    found = logits(learnt.renumbered(former).network, Sequences.of([history]))[0]
    before = logits(learnt.network, Sequences.of([same]))[0]
    known = former >= 0
    assert found[known] == pytest.approx(before[former[known]], rel=1e-5)
    assert found[1] == learnt.network["bias"].min()
