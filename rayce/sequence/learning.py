"""Learns from histories what takes minutes to learn: the recurrent network, and how the views are weighed.

The last item of each history is held out while it is found out how long to train and how to weigh the views; then all of it is
learnt. Deterministic given the seed, on one kind of machine: learning keeps to one thread of the linear algebra, as how sums
are split, and so the bits, would depend on the number of cores. Time is bounded by the rounds of `rayce.sequence.training`,
memory by the items.
"""

from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from rayce.sequence import blend
from rayce.sequence.learnt import Learnt
from rayce.sequence.recurrent import Parameters, logits
from rayce.sequence.sequences import Ints, Sequences
from rayce.sequence.training import Knobs, Trainer, train
from rayce.sequence.views import BEGIN, Views

JUDGED, JUDGED_AT_ONCE, JUDGED_TOP = 4_000, 200, 10
WEIGHED = 2_000
CHOSEN_AMONG = 4_000
"""Items of a question; the best of them by the weights to begin with, the rest by chance."""
ENOUGH = 50
"""Questions; with fewer the weights stay."""
REFIT = 0.2
"""Of the updates, again, with what was not learnt from yet."""


def learn(sequences: Sequences, n_items: int, seed: int = 0, say: Callable[[str], None] = lambda _: None) -> Learnt:
    """Learn from all histories; items are numbered below `n_items`."""
    with threadpool_limits(limits=1):
        return _learn(sequences, n_items, seed, say)


def go_on(learnt: Learnt, sequences: Sequences, n_items: int, seed: int = 0) -> Learnt:
    """The same, having learnt from these histories too: for a small part of the time."""
    with threadpool_limits(limits=1):
        trainer = Trainer(sequences, n_items, Knobs(), seed, learnt.network)
        trainer.run(int(REFIT * learnt.updates))
        return learnt._replace(network=trainer.parameters())


def _learn(sequences: Sequences, n_items: int, seed: int, say: Callable[[str], None]) -> Learnt:
    chance = np.random.default_rng(seed)
    known = sequences.shortened(1)
    asked = np.flatnonzero((sequences.lengths() > 1) & _is_new(sequences))
    judged = np.sort(chance.permutation(asked)[:JUDGED])
    labels = sequences.last()

    def judge(parameters: Parameters) -> float:
        return worth(parameters, known, judged, labels)

    trained = train(known, n_items, judge, Knobs(), seed, say)
    earlier = Views.fit(known, n_items, trained.parameters)
    weighed = judged[:: max(1, len(judged) // WEIGHED)] if len(judged) >= ENOUGH else judged[:0]
    questions = [question(earlier, known.one(u), int(labels[u]), chance) for u in weighed.tolist()]
    weights = blend.fit(questions, np.array(BEGIN))
    say(f"weights {weights.round(3).tolist()}")
    return go_on(Learnt(trained.parameters, weights, trained.updates), sequences, n_items, seed)


def worth(parameters: Parameters, known: Sequences, users: Ints, labels: Ints) -> float:
    """NDCG at `JUDGED_TOP` of the network alone: one item each is right, all that the user does not have are ranked."""
    gain = 0.0
    for first in range(0, len(users), JUDGED_AT_ONCE):
        block = users[first : first + JUDGED_AT_ONCE]
        scores = logits(parameters, known.pick(block))
        for row, user in zip(scores, block.tolist(), strict=True):
            row[known.one(user)] = -np.inf
            rank = int((row > row[labels[user]]).sum())
            gain += 1 / np.log2(rank + 2) if rank < JUDGED_TOP else 0.0
    return gain / max(1, len(users))


def _is_new(sequences: Sequences) -> Ints:
    """By user: whether the last item is not among the earlier ones."""
    return np.array(
        [len(own) > 0 and own[-1] not in own[:-1] for own in map(sequences.one, range(sequences.users))], bool
    )


def question(views: Views, history: Ints, label: int, chance: np.random.Generator) -> blend.Question:
    """What a history asks for where the label came next: to be fitted to."""
    columns = views.of(history)
    unseen = np.ones(columns.shape[1], bool)
    unseen[history] = False
    items = np.flatnonzero(unseen)
    if len(items) <= CHOSEN_AMONG:
        return blend.Question(columns[:, items], int(np.searchsorted(items, label)), np.zeros(len(items), np.float32))
    order = items[np.argsort(-(np.array(BEGIN, np.float32) @ columns[:, items]), kind="stable")]
    best, rest = order[: CHOSEN_AMONG // 4], order[CHOSEN_AMONG // 4 :]
    rest = rest[rest != label]
    some = chance.permutation(rest)[: CHOSEN_AMONG - len(best)]
    chosen = np.unique(np.concatenate([best, some, [label]]))
    stands_for = np.where(np.isin(chosen, some), np.log(len(rest) / len(some)), 0.0).astype(np.float32)
    return blend.Question(columns[:, chosen], int(np.searchsorted(chosen, label)), stands_for)
