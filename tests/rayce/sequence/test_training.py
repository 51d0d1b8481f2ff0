"""`rayce.sequence.training` on histories whose next item is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.sequence import training
from rayce.sequence.recurrent import Parameters, logits
from rayce.sequence.sequences import Sequences
from rayce.sequence.training import Knobs, Trainer, train, unseen_labels

N = 40


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "STEPS_A_ROUND", (20, 40))
    monkeypatch.setattr(training, "WARM_STEPS", 10)


@pytest.fixture
def chains() -> Sequences:
    """Each item leads to the one seven further."""
    chance = np.random.default_rng(0)
    return Sequences.of((chance.integers(N) + 7 * np.arange(chance.integers(4, 12))) % N for _ in range(400))


def hit_rate(parameters: Parameters) -> float:
    found = logits(parameters, Sequences.of([[(n - 7) % N, n] for n in range(N)]))
    return float((found.argmax(axis=1) == (np.arange(N) + 7) % N).mean())


@given(st.lists(st.lists(st.integers(0, 4), max_size=8), max_size=5))
def test_labels_are_the_next_items_that_are_new_to_the_person(lists: list[list[int]]) -> None:
    expected = [
        each[n + 1] if n + 1 < len(each) and each[n + 1] not in each[: n + 1] else -1
        for each in lists
        for n in range(len(each))
    ]

    assert unseen_labels(Sequences.of(lists)).tolist() == expected


def test_it_learns_what_leads_to_what(chains: Sequences) -> None:
    trainer = Trainer(chains, N, Knobs(), seed=1)
    assert hit_rate(trainer.parameters()) < 0.3

    first = trainer.run(20)
    last = trainer.run(150)

    assert last < first
    assert hit_rate(trainer.parameters()) > 0.9


def test_where_there_is_nothing_to_learn_it_learns_nothing() -> None:
    chance = np.random.default_rng(0)
    trainer = Trainer(Sequences.of(chance.permutation(N)[:8] for _ in range(400)), N, Knobs(), seed=1)

    trainer.run(170)

    assert hit_rate(trainer.parameters()) < 0.3


def test_with_many_items_it_learns_from_some_of_them(chains: Sequences, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "ALL_ASKED", 30)
    trainer = Trainer(chains, N, Knobs(), seed=1)

    trainer.run(170)

    assert hit_rate(trainer.parameters()) > 0.9


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(chains: Sequences) -> None:
    def made(seed: int) -> list[bytes]:
        trainer = Trainer(chains, N, Knobs(), seed)
        trainer.run(15)
        return [value.tobytes() for _name, value in sorted(trainer.parameters().items())]

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_the_best_is_kept_and_it_stops_where_the_judge_sees_no_progress(chains: Sequences) -> None:
    said, verdicts = [], iter([0.1, 0.3, 0.2, 0.25, 0.9])

    best = train(chains, N, lambda _: next(verdicts), Knobs(), 1, said.append)

    assert (best.worth, best.updates) == (0.3, 2 * best.updates // 2)
    assert len(said) == 2 + training.PATIENCE


def test_without_anything_to_learn_from_it_ends() -> None:
    for lists in ([], [[]], [[3], [4]]):
        assert Trainer(Sequences.of(lists), N, Knobs(), 0).run(5) == 0
