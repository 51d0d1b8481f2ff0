"""What the order of somebody's purchases leads one to expect next, as two parts of the lists' blend: `rayce.sequence`.

The recurrent network and the weights of its views are learnt in minutes, with the blend, and kept with the lists
(`Known`); what followed what, EASE^R and popularity are counted anew in seconds from what may be learnt from. What is
expected says nothing of what the person has bought already: other parts do.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from rayce.interactions import Interactions
from rayce.lists.histories import Histories, histories_of
from rayce.sequence.learning import go_on, learn
from rayce.sequence.learnt import Learnt
from rayce.sequence.recommender import SequenceRecommender
from rayce.sequence.sequences import Sequences
from rayce.shelf import Floats

UNSAID, LEAST = -99.0, -50.0
"""For what the person has bought, and of whom nothing is known; and what the logarithm of a chance is at least."""
MOST_PEOPLE = 50_000
"""Of more a sample is learnt from: of people, as time and memory grow with them."""
SEED = 20_26


class Known(NamedTuple):
    """What was learnt, and the ids of the items as it numbers them."""

    learnt: Learnt
    ids: list[str]

    def of(self, ids: Sequence[str]) -> Learnt:
        """For a shelf with these items."""
        if list(ids) == self.ids:
            return self.learnt
        number = {item_id: n for n, item_id in enumerate(self.ids)}
        return self.learnt.renumbered(np.array([number.get(item_id, -1) for item_id in ids], dtype=np.int32))


class Expectation:
    """Of the items of one shelf. What is said of a person depends on their own history alone, and on no block."""

    def __init__(self, learnt: Learnt, taught: Interactions, n_items: int) -> None:
        """`taught` is what may be counted: nothing of it may lie after the moment that is asked about."""
        self._recommender = SequenceRecommender.of(learnt, sequences_of(taught), n_items)
        self._n_items = n_items

    def of(self, histories: Histories, now_ms: int) -> Floats:
        """People × items: the logarithm of the chance to be what comes next after what was bought until now."""
        people = len(histories.start) - 1
        found = np.full((people, self._n_items), UNSAID, dtype=np.float32)
        counts = histories.bought & (histories.at_ms <= now_ms)
        with threadpool_limits(limits=1):
            for person in range(people):
                rows = slice(int(histories.start[person]), int(histories.start[person + 1]))
                history = histories.item[rows][counts[rows]]
                if len(history):
                    scores = self._recommender.scores(history)
                    said = np.isfinite(scores)
                    if said.any():
                        likely = scores[said] - scores[said].max()
                        likely -= np.log(np.exp(likely).sum(dtype=np.float32))
                        found[person, said] = np.maximum(likely, np.float32(LEAST))
        return found


def learn_past(taught: Interactions, n_items: int, past_ms: int, say: Callable[[str], None] = lambda _: None) -> Learnt:
    """What the history before the moment teaches: takes minutes, however long it is."""
    return learn(sequences_of(taught.where(taught.at_ms < past_ms)), n_items, SEED, say)


def learn_on(past: Learnt, taught: Interactions, n_items: int) -> Learnt:
    """The same, having learnt from all that is taught: a sixth of the time."""
    return go_on(past, sequences_of(taught), n_items, SEED)


def sequences_of(taught: Interactions) -> Sequences:
    """What each bought, in order of time; of many people a sample."""
    histories = histories_of(taught.purchases())
    people = np.flatnonzero(np.diff(histories.start))
    if len(people) > MOST_PEOPLE:
        people = np.sort(np.random.default_rng(SEED).choice(people, MOST_PEOPLE, replace=False))
    own = histories.of(people)
    return Sequences(own.start, own.item)
