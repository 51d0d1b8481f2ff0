"""Trains the recurrent network on histories: Adam (Kingma & Ba, ICLR 2015) and a running mean of the parameters.

How long is found out on held-out items: each round ends with a judgement of the mean parameters, and the best are kept. What
is drawn by chance comes in, so the same histories and seed give the same parameters.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from rayce.sequence.recurrent import RECENT, WIDTH, Parameters, begin
from rayce.sequence.sequences import Floats, Ints, Sequences
from rayce.sequence.slopes import Asked, Steps, slopes

RATE, WARM_STEPS = 1.5e-3, 200
SHRINK_MEAN, SHRINK_SQUARE = 0.9, 0.98
KEPT = 0.995
"""Of the running mean, at each step."""
MAX_ROUNDS, PATIENCE = 14, 2
STEPS_A_ROUND = (64, 240)
BATCH = (256, 4_096)
"""Steps of sequences in one update."""
ALL_ASKED = 6_000
"""With more items than this a step chooses among those that the batch holds, and as many others."""

Judge = Callable[[Parameters], float]


class Knobs(NamedTuple):
    """`drop`: share of the values that is left out at random in training."""

    drop: float = 0.3


class Trained(NamedTuple):
    """The parameters, after how many updates, and what the judge said."""

    parameters: Parameters
    updates: int
    worth: float


class Trainer:
    """Parameters under way; they go on from `former` where that is given."""

    def __init__(
        self, sequences: Sequences, n_items: int, knobs: Knobs, seed: int, former: Parameters | None = None
    ) -> None:
        self._chance = np.random.default_rng(seed)
        self._p = begin(n_items, self._chance)
        if former is not None:
            self._p = {name: value.copy() for name, value in former.items()}
        self._mean = {name: value.copy() for name, value in self._p.items()}
        self._moments = {name: (np.zeros_like(v), np.zeros_like(v)) for name, v in self._p.items()}
        self._knobs = knobs
        self._n_items = n_items
        self.updates = 0
        self._sequences = sequences = sequences.recent(RECENT + 1)
        self._labels = unseen_labels(sequences)
        self._users = np.flatnonzero(sequences.lengths() > 1)
        total = int((sequences.lengths()[self._users] - 1).sum())
        self._batch = int(np.clip(total // STEPS_A_ROUND[1], *BATCH))
        self.round = int(np.clip(-(-total // self._batch), *STEPS_A_ROUND))
        self._batches = self._endless()

    def run(self, updates: int) -> float:
        """That many updates; returns the mean loss."""
        losses = []
        for _ in range(updates):
            steps = next(self._batches, None)
            if steps is None:
                return 0.0
            loss, found = slopes(self._p, steps, self._asked(steps.labels), self._drops(len(steps.items)))
            self._update(found)
            losses.append(loss)
        return float(np.mean(losses)) if losses else 0.0

    def parameters(self) -> Parameters:
        """The running mean."""
        return {name: value.copy() for name, value in self._mean.items()}

    def _endless(self) -> Iterator[Steps]:
        while len(self._users):
            waiting: list[int] = []
            held = 0
            for user in self._chance.permutation(self._users).tolist():
                waiting.append(user)
                held += len(self._sequences.one(user)) - 1
                if held >= self._batch:
                    yield self._steps(waiting)
                    waiting, held = [], 0
            if waiting:
                yield self._steps(waiting)

    def _steps(self, users: list[int]) -> Steps:
        shortened = self._sequences.pick(users).shortened(1)
        labels = np.concatenate(
            [self._labels[self._sequences.starts[u] : self._sequences.starts[u + 1] - 1] for u in users]
        )
        return Steps(shortened.items, shortened.starts, labels)

    def _asked(self, labels: Ints) -> Asked:
        everything = np.arange(self._n_items, dtype=np.int32)
        if self._n_items <= ALL_ASKED:
            return Asked(everything, everything, np.zeros((1, self._n_items), np.float32))
        often = np.bincount(labels[labels >= 0], minlength=self._n_items)
        others = self._chance.random(self._n_items) < ALL_ASKED / 3 / self._n_items
        items = np.flatnonzero((often > 0) | others).astype(np.int32)
        place = np.full(self._n_items, -1, np.int32)
        place[items] = np.arange(len(items))
        # a label is always among them, the others by chance: what was not in the batch stands for all its like
        rarity = np.where(often[items] > 0, 0.0, np.log(3 * self._n_items / ALL_ASKED)).astype(np.float32)
        return Asked(items, place, rarity[None, :])

    def _drops(self, rows: int) -> tuple[Floats, Floats, Floats]:
        kept = np.float32(1 - self._knobs.drop)
        drawn = self._chance.random((3, rows, WIDTH), np.float32) < kept
        first, second, third = drawn.astype(np.float32) / kept
        return first, second, third

    def _update(self, found: dict[str, Floats]) -> None:
        self.updates += 1
        n = self.updates
        rate = RATE * min(1.0, n / WARM_STEPS) * (1 - SHRINK_SQUARE**n) ** 0.5 / (1 - SHRINK_MEAN**n)
        kept = np.float32(min(KEPT, n / (n + 9)))
        for name, slope in found.items():
            mean, square = self._moments[name]
            mean += np.float32(1 - SHRINK_MEAN) * (slope - mean)
            square += np.float32(1 - SHRINK_SQUARE) * (slope * slope - square)
            self._p[name] -= np.float32(rate) * mean / (np.sqrt(square) + np.float32(1e-8))
            self._mean[name] += (1 - kept) * (self._p[name] - self._mean[name])


def unseen_labels(sequences: Sequences) -> Ints:
    """By step the next item of the sequence; -1 at its end, and where the person had that item before.

    >>> unseen_labels(Sequences.of([[3, 1, 3, 2], [5]])).tolist()
    [1, -1, 2, -1, -1]
    """
    user = np.repeat(np.arange(sequences.users), sequences.lengths())
    order = np.lexsort((np.arange(len(user)), sequences.items, user))
    again = np.zeros(len(user), bool)
    again[order[1:]] = (user[order][1:] == user[order][:-1]) & (
        sequences.items[order][1:] == sequences.items[order][:-1]
    )
    labels = np.full(len(user), -1, np.int32)
    labels[:-1] = np.where((user[1:] == user[:-1]) & ~again[1:], sequences.items[1:], -1)
    return labels


def train(
    sequences: Sequences, n_items: int, judge: Judge, knobs: Knobs, seed: int, say: Callable[[str], None]
) -> Trained:
    """Until the judge sees no progress any more."""
    trainer = Trainer(sequences, n_items, knobs, seed)
    best = Trained(trainer.parameters(), 0, -np.inf)
    idle = 0
    for _ in range(MAX_ROUNDS):
        loss = trainer.run(trainer.round)
        worth = judge(found := trainer.parameters())
        say(f"update {trainer.updates}: loss {loss:.3f}, worth {worth:.4f}")
        idle = 0 if worth > best.worth else idle + 1
        if worth > best.worth:
            best = Trained(found, trainer.updates, worth)
        if idle == PATIENCE:
            break
    return best
