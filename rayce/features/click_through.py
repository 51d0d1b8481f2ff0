"""Click-through by category and by product, normalised by position: clicks over expected clicks (COEC).

An impression at position i (from 1) is expected to be clicked 1 / log2(i + 1) times as often as one at the top, the discount of
DCG (Järvelin & Kekäläinen, TOIS 2002); so who clicks the tenth of ten counts for more than who clicks the first. The event's
property `position` says where its first product was shown (1 if it does not say), the others follow it. Of products and
of categories the thirty last touched are kept.
"""

from collections.abc import Mapping
from math import log2
from typing import Any

from rayce.event import Event
from rayce.features.family import Number, Plain, Word
from rayce.profile import Profile

KEPT = 30
PRIOR = 1.0
"""Expected clicks that are added to both sides: somebody of whom nothing is known has a rate of one."""
MAX_NAME = 64

_ALL, _CATEGORIES, _ITEMS = 0, 1, 2

Rate = list[float]
"""Expected clicks, clicks."""


class ClickThrough(Plain):
    """Whether a person clicks more (above 1) or less than the positions shown would make one expect."""

    name = "click_through"
    types = frozenset({"impression", "click"})
    words: Mapping[str, Word] = {}

    def __init__(self) -> None:
        self.numbers: Mapping[str, Number] = {"click_through": _overall}

    def write(self, profile: Profile, event: Event) -> None:
        """See `Family.write`."""
        state = profile.states.get(self.name) or _EMPTY
        overall, categories, items = list(state[_ALL]), dict(state[_CATEGORIES]), dict(state[_ITEMS])
        clicks = event.type == "click"
        position = event.properties.get("position", 1)
        first = position if isinstance(position, int | float) and 1 <= position <= 10_000 else 1
        for i, line in enumerate(event.items):
            expected = 0.0 if clicks else 1 / log2(first + i + 1)
            overall = [overall[0] + expected, overall[1] + clicks]
            _count(items, line.item_id, expected, clicks)
            if line.category:
                _count(categories, line.category[:MAX_NAME], expected, clicks)
        profile.states[self.name] = [overall, categories, items]


def item_click_through(profile: Profile, item_id: str) -> float:
    """Clicks over expected clicks of a product by this person; 1 where nothing is known."""
    return _rate(profile, _ITEMS, item_id)


def category_click_through(profile: Profile, category: str) -> float:
    """The same of a category."""
    return _rate(profile, _CATEGORIES, category[:MAX_NAME])


_EMPTY: list[Any] = [[0.0, 0], {}, {}]


def _count(rates: dict[str, Rate], name: str, expected: float, clicks: bool) -> None:
    """The last touched goes to the end; the map keeps to its bound."""
    had = rates.pop(name, (0.0, 0))
    rates[name] = [had[0] + expected, had[1] + clicks]
    if len(rates) > KEPT:
        del rates[next(iter(rates))]


def _rate(profile: Profile, which: int, name: str) -> float:
    state = profile.states.get(ClickThrough.name) or _EMPTY
    return _smoothed(state[which].get(name, (0.0, 0)))


def _smoothed(rate: Rate | tuple[float, int]) -> float:
    return (rate[1] + PRIOR) / (rate[0] + PRIOR)


def _overall(profile: Profile, _now_ms: int) -> float:
    return _smoothed((profile.states.get(ClickThrough.name) or _EMPTY)[_ALL])
