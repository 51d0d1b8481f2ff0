"""What tells cohorts apart: segments and context words that the rules, slots and lists of a tenant ask for, and no others.

Audiences never ask that a word is *not* there, so a word that none of them names can be left out: nobody could tell.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rayce.cohort import CONTEXT
from rayce.rules.audience import Audience
from rayce.rules.rule import Rule
from rayce.segments.catalogue import Catalogue
from rayce.shelf import Popular
from rayce.slots.document import Slot
from rayce.trending import country_key, segment_key


class Relevance(NamedTuple):
    """`asked` are bits that audiences name; `listed` are bits of segments with a list of their own, in the catalogue's order:
    of a person's only the first counts. `words` are context features with their words.
    """

    asked: tuple[int, ...]
    listed: tuple[int, ...]
    words: frozenset[tuple[str, str]]

    def wanted(self, bits: int) -> list[int]:
        """Bits that may be in the cohort of somebody in the segments `bits`, what matters most first."""
        first = next((bit for bit in self.listed if bits >> bit & 1), None)
        return [*self.asked, *(() if first is None or first in self.asked else (first,))]


def relevance(rules: Sequence[Rule], slots: Sequence[Slot], popular: Popular | None, catalogue: Catalogue) -> Relevance:
    """Of rules that are switched on, slots, top lists and the catalogue, all as they are live."""
    audiences = list(_audiences(rules, slots))
    named = {name for one in audiences for name in (*one.segments.none, *one.segments.all, *one.segments.any)}
    barred = {name for one in audiences for name in one.segments.none}
    asked = [segment for segment in catalogue.segments if segment.name in named]
    asked.sort(key=lambda segment: (segment.name not in barred, segment.bit))
    words = {(name, word) for one in audiences for name in CONTEXT for word in one.context.get(name, ())}
    lists = () if popular is None else (*popular.segments, *popular.trending)
    listed = [s.bit for s in catalogue.segments if s.name in lists or segment_key(s.name) in lists]
    words |= {("country", key[-2:]) for key in lists if key == country_key(key[-2:])}
    return Relevance(tuple(segment.bit for segment in asked), tuple(listed), frozenset(words))


def _audiences(rules: Iterable[Rule], slots: Iterable[Slot]) -> Iterator[Audience]:
    """Those that can decide what a cohort gets. Nobody is in an experiment, so experiments cannot."""
    yield from (rule.audience for rule in rules if rule.enabled)
    yield from (rule.audience for slot in slots if slot.enabled for rule in slot.rules if rule.enabled and rule.show)
