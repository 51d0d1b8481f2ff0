"""Which features are on: the families that are folded, by event type, and what can be read, by name."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from rayce.event import BEHAVIOUR, Event
from rayce.features.activity import Activity
from rayce.features.affinity import Affinity
from rayce.features.cart import Cart
from rayce.features.click_through import ClickThrough
from rayce.features.decaying import Decaying
from rayce.features.family import Family, Number, Word
from rayce.features.price import PriceSensitivity
from rayce.features.purchases import Purchases
from rayce.features.session import CurrentSession, Touched
from rayce.features.surroundings import Surroundings
from rayce.features.windows import Windows
from rayce.profile import Profile

ALWAYS: tuple[Family, ...] = (Activity(), CurrentSession(), Cart(), Purchases(), Touched())
"""Recommendations stand on these."""
OPTIONAL: tuple[Family, ...] = (
    Windows(),
    Decaying(),
    Affinity(),
    ClickThrough(),
    Surroundings(),
    PriceSensitivity(),
)


class FeatureSet:
    """The families that are on: `ALWAYS` and some of `OPTIONAL`, always in the same order."""

    def __init__(self, optional: Iterable[Family] = OPTIONAL) -> None:
        self.families = (*ALWAYS, *optional)
        self.numbers: Mapping[str, Number] = {n: read for family in self.families for n, read in family.numbers.items()}
        self.words: Mapping[str, Word] = {n: read for family in self.families for n, read in family.words.items()}
        self.writers: Mapping[str, Sequence[Callable[[Profile, Event], None]]] = {
            kind: tuple(family.write for family in self.families if kind in family.types) for kind in BEHAVIOUR
        }

    def __reduce__(self) -> tuple[type, tuple[tuple[Family, ...]]]:
        return FeatureSet, (self.families[len(ALWAYS) :],)


ALL = FeatureSet()
"""Every feature there is: what rayce folds unless a catalogue of features says otherwise."""
