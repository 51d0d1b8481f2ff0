"""The circumstances of a request: the slot of the page it is for, and the context it comes from, as named words.

Rules, experiments and caches look at these and at nothing else of a request. Who asks is not part of them.
"""

from collections.abc import Mapping

from msgspec import Struct

Words = tuple[tuple[str, str], ...]
"""Context features by name, sorted: hashable, so that equal circumstances can share an answer."""


class Circumstances(Struct, frozen=True, array_like=True):
    """What a request is for and where it comes from; `rayce.context` names the context features."""

    slot: str = "default"
    context: Words = ()

    def word(self, name: str) -> str:
        """A context feature; "" where it is not known."""
        for known, value in self.context:
            if known == name:
                return value
        return ""


def words(context: Mapping[str, str]) -> Words:
    """The known ones among them, in the order in which they are kept."""
    return tuple(sorted((name, value) for name, value in context.items() if value))
