"""The views of one history, as columns by item: what each makes of it. `rayce.sequence.blend` weighs them."""

from typing import NamedTuple

import numpy as np

from rayce.sequence.linear import LinearItems
from rayce.sequence.recurrent import Parameters, logits
from rayce.sequence.sequences import Floats, Ints, Sequences
from rayce.sequence.transitions import Transitions

FOLLOWING_FADES = (0.3, 0.8, 0.93)
LINEAR_FADES = (0.9, 0.97)
LINEAR_UNIT = 10.0
"""Brings its scores to the size of the others, which are logarithms."""
NAMES = ("expected", *(f"following_{f}" for f in FOLLOWING_FADES), *(f"linear_{f}" for f in LINEAR_FADES), "popular")
BEGIN = (0.7, 0.1, 0.2, 0.0, 0.1, 0.1, 0.0)
"""Weights that were good elsewhere: where there is too little to fit them to."""


class Views(NamedTuple):
    """What was learnt, all from the same histories except that the network may have been trained on more."""

    network: Parameters
    transitions: Transitions
    linear: LinearItems
    popular: Floats

    @classmethod
    def fit(cls, sequences: Sequences, n_items: int, network: Parameters) -> "Views":
        """Of these histories, with a network that is trained."""
        popular = np.log(np.bincount(sequences.items, minlength=n_items) + 1.0).astype(np.float32)
        transitions, linear = Transitions.fit(sequences, n_items), LinearItems.fit(sequences, n_items)
        return cls(network, transitions, linear, popular)

    def of(self, history: Ints) -> Floats:
        """`NAMES` × items; of an empty history only `popular` says something."""
        found = np.zeros((len(NAMES), len(self.popular)), np.float32)
        if len(history):
            following = 1 + len(FOLLOWING_FADES)
            found[0] = logits(self.network, Sequences.of([history]))[0]
            found[1:following] = self.transitions.after(history, FOLLOWING_FADES)
            found[following:-1] = LINEAR_UNIT * self.linear.after(history, LINEAR_FADES)
        found[-1] = self.popular
        return found
