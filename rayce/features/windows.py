"""Counts and sums over sliding windows: 5 minutes, 1 hour, 1 day, 7 days, 30 days.

Time is cut into cells of a minute, five minutes, an hour and a day; a window is its newest cells, the current one included.
So it is at most one cell (a fifth, a twelfth, a 24th, a seventh, a thirtieth of it) shorter than its name says.
State: for each width of cell its newest number, and a map from number × 16 + metric to the value; cells too old for the widest
window of that width are dropped once the one written first is, or there are too many: about 71 cells × 12 metrics at most.
"""

from collections.abc import Mapping
from typing import Any

from rayce.decay import DAY_MS, HOUR_MS, MINUTE_MS
from rayce.event import BEHAVIOUR, Event
from rayce.features.family import Number, Plain, Word
from rayce.profile import Profile

METRICS = {
    "views": "view",
    "clicks": "click",
    "searches": "search",
    "logins": "login",
    "add_to_carts": "add_to_cart",
    "remove_from_carts": "remove_from_cart",
    "purchases": "purchase",
    "ratings": "rating",
    "impressions": "impression",
    "customs": "custom",
}
"""Counted metrics and their event types; `spend` and `items_bought` are summed over purchases besides."""
WINDOWS = {"5m": (0, 5), "1h": (1, 12), "1d": (2, 24), "7d": (3, 7), "30d": (3, 30)}
"""By name: which width of cell, and how many of them."""

_CELLS = ((MINUTE_MS, 5), (5 * MINUTE_MS, 12), (HOUR_MS, 24), (DAY_MS, 30))
_SLOTS = 16
_SPEND, _ITEMS = len(METRICS), len(METRICS) + 1
_METRICS = len(METRICS) + 2
_SLOT = {kind: slot for slot, kind in enumerate(METRICS.values())}


class Windows(Plain):
    """`<metric>_<window>`, for example `views_5m`, `spend_30d`."""

    name = "windows"
    types = frozenset(BEHAVIOUR)
    words: Mapping[str, Word] = {}

    def __init__(self) -> None:
        self.numbers: Mapping[str, Number] = {
            f"{metric}_{window}": _over(slot, *WINDOWS[window])
            for slot, metric in enumerate((*METRICS, "spend", "items_bought"))
            for window in WINDOWS
        }

    def write(self, profile: Profile, event: Event) -> None:
        """See `Family.write`."""
        now, slot = event.timestamp_ms, _SLOT[event.type]
        spend = items = 0.0
        if event.type == "purchase":
            for line in event.items:
                items += line.quantity
                spend += line.quantity * (line.price or 0.0)
        after = []
        for (width, kept), (newest, known) in zip(_CELLS, profile.states.get(self.name) or _EMPTY):  # noqa: B905  # hot
            number = now // width
            if number <= newest - kept:
                after.append((newest, known))
                continue
            full = len(known) > kept * _METRICS
            if number > newest:
                newest = number
                full = full or (bool(known) and next(iter(known)) < (newest - kept + 1) * _SLOTS)
            oldest = (newest - kept + 1) * _SLOTS
            cells = {key: value for key, value in known.items() if key >= oldest} if full else dict(known)
            key = number * _SLOTS + slot
            cells[key] = cells.get(key, 0) + 1
            if items:
                at = number * _SLOTS + _SPEND
                cells[at] = round(cells.get(at, 0.0) + spend, 2)
                at = number * _SLOTS + _ITEMS
                cells[at] = cells.get(at, 0.0) + items
            after.append((newest, cells))
        profile.states[self.name] = after


_EMPTY: list[Any] = [(0, {}) for _ in _CELLS]


def all_windows(profile: Profile, now_ms: int) -> list[float]:
    """Every feature of the family, in the order of its `numbers`, in one pass over the cells."""
    values = [0.0] * (_METRICS * len(WINDOWS))
    for (width, _kept), spans, (_newest, cells) in zip(
        _CELLS, _SPANS, profile.states.get(Windows.name) or _EMPTY, strict=True
    ):
        last = now_ms // width
        for key, value in cells.items():
            age = last - key // _SLOTS
            if age >= 0:
                first = key % _SLOTS * len(WINDOWS)
                for at, count in spans:
                    if age < count:
                        values[first + at] += value
    return values


_SPANS = [[(at, count) for at, (cell, count) in enumerate(WINDOWS.values()) if cell == i] for i in range(len(_CELLS))]
"""By width of cell, the windows made of it: their place among `WINDOWS`, and how many cells."""


def _over(slot: int, width: int, count: int) -> Number:
    cell_ms = _CELLS[width][0]

    def over(profile: Profile, now_ms: int) -> float:
        state = profile.states.get(Windows.name)
        if not state:
            return 0.0
        last = now_ms // cell_ms
        first, cells = last - count, state[width][1]
        return float(sum(cells.get(number * _SLOTS + slot, 0) for number in range(first + 1, last + 1)))

    return over
