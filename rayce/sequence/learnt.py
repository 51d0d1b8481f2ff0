"""What a sequence recommender has learnt in minutes, as a value and as a file; the rest is counted anew in seconds."""

import io
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rayce.errors import InvalidArtifact
from rayce.sequence.blend import Weights
from rayce.sequence.recurrent import Parameters
from rayce.sequence.sequences import Ints

_OF_NETWORK = "network."


class Learnt(NamedTuple):
    """The network, the weights of the views, and after how many updates the network was best."""

    network: Parameters
    weights: Weights
    updates: int

    def renumbered(self, former: Ints) -> "Learnt":
        """For items with other numbers: `former` has by item the number that it had, -1 where it was not known.

        Nothing is expected of an item that was not known: it is as unlikely as the unlikeliest.
        """
        known = former >= 0
        items = np.where(known[:, None], self.network["items"][former], np.float32(0))
        least = self.network["bias"].min(initial=0)
        bias = np.where(known[None, :], self.network["bias"][:, former], least)
        return self._replace(network={**self.network, "items": items, "bias": bias})

    def to_bytes(self) -> bytes:
        """As a file: half a kilobyte an item."""
        buffer = io.BytesIO()
        arrays = {_OF_NETWORK + name: value for name, value in sorted(self.network.items())}
        np.savez(buffer, weights=self.weights, updates=np.array(self.updates), **arrays)  # type: ignore[arg-type]
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Learnt":
        """Inverse of `to_bytes`; `InvalidArtifact` where it is damaged."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                arrays: dict[str, NDArray[np.float32]] = {
                    name.removeprefix(_OF_NETWORK): stored[name] for name in stored if name.startswith(_OF_NETWORK)
                }
                found = cls(arrays, stored["weights"], int(stored["updates"]))
            if len(arrays["items"]) != arrays["bias"].shape[1]:
                raise ValueError("its arrays do not speak of the same items")
        except Exception as error:  # zip and numpy have a dozen kinds for damaged files
            raise InvalidArtifact(f"what was learnt of sequences cannot be read: {error}", "sequence", None) from None
        return found
