"""Counts and sums over sliding windows: 5 minutes, 1 hour, 1 day, 7 days, 30 days.

Time is cut into cells of a minute, five minutes, an hour and a day; a window is its newest cells, the current one included.
So it is at most one cell (a fifth, a twelfth, a 24th, a seventh, a thirtieth of it) shorter than its name says.
State: a map from (number of the cell × 16 + metric) × 4 + width to the value, and at how many entries it is packed next. An
event is written to its minute only. When there are too many entries they are packed: minutes that the five-minute windows do
not need any more become five minutes, those hours, those days, and older ones go: 71 cells × 12 metrics stay at most.
"""

from collections.abc import Mapping

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

_WIDTHS_MS = (MINUTE_MS, 5 * MINUTE_MS, HOUR_MS, DAY_MS)
_KEPT = (5, 12, 24, 30)
"""How many cells of each width the windows made of them need."""
_LONGEST_FIRST = [
    (at, _WIDTHS_MS[width], width, count) for at, (width, count) in reversed(list(enumerate(WINDOWS.values())))
]
"""Place of the window, width of its cells in ms and by number, how many of them."""
_SLOTS, _WIDTHS = 16, 4
_SPEND, _ITEMS = len(METRICS), len(METRICS) + 1
_METRICS = len(METRICS) + 2
_SLOT = {kind: slot for slot, kind in enumerate(METRICS.values())}
_PACK_AT = 48

Cells = dict[int, float]


class Windows(Plain):
    """`<metric>_<window>`, for example `views_5m`, `spend_30d`."""

    name = "windows"
    types = frozenset(BEHAVIOUR)
    words: Mapping[str, Word] = {}

    def __init__(self) -> None:
        self.numbers: Mapping[str, Number] = {
            f"{metric}_{window}": _value(slot, *WINDOWS[window])
            for slot, metric in enumerate((*METRICS, "spend", "items_bought"))
            for window in WINDOWS
        }

    def write(self, profile: Profile, event: Event) -> None:
        """See `Family.write`."""
        limit, known = profile.states.get(self.name) or (_PACK_AT, _NOTHING)
        cells = dict(known)
        first = event.timestamp_ms // MINUTE_MS * _SLOTS
        key = (first + _SLOT[event.type]) * _WIDTHS
        cells[key] = cells.get(key, 0) + 1
        if event.type == "purchase":
            spend = items = 0.0
            for line in event.items:
                items += line.quantity
                spend += line.quantity * (line.price or 0.0)
            key = (first + _SPEND) * _WIDTHS
            cells[key] = round(cells.get(key, 0.0) + spend, 2)
            key = (first + _ITEMS) * _WIDTHS
            cells[key] = cells.get(key, 0.0) + items
        if len(cells) > limit:
            cells = _packed(cells)
            limit = max(_PACK_AT, len(cells) * 5 // 4)
        profile.states[self.name] = (limit, cells)


_NOTHING: Cells = {}


def all_windows(profile: Profile, now_ms: int) -> list[float]:
    """Every feature of the family, in the order of its `numbers`, in one pass over the cells."""
    values = [0.0] * (_METRICS * len(WINDOWS))
    _limit, cells = profile.states.get(Windows.name) or (0, _NOTHING)
    last = [now_ms // width_ms for width_ms in _WIDTHS_MS]
    for key, value in cells.items():
        width = key % _WIDTHS
        place = key // _WIDTHS
        start_ms = place // _SLOTS * _WIDTHS_MS[width]
        if start_ms > now_ms:
            continue
        first = place % _SLOTS * len(WINDOWS)
        for at, cell_ms, cell, count in _LONGEST_FIRST:
            if cell < width or last[cell] - start_ms // cell_ms >= count:
                break  # and so it lies outside of all that are shorter
            values[first + at] += value
    return values


def _packed(cells: Cells) -> Cells:
    """The same windows from as few cells as can be, as of the newest of them or later."""
    newest_ms = max(key // _WIDTHS // _SLOTS * _WIDTHS_MS[key % _WIDTHS] for key in cells)
    found: Cells = {}
    for key, value in cells.items():
        width, place = key % _WIDTHS, key // _WIDTHS
        start_ms, slot = place // _SLOTS * _WIDTHS_MS[width], place % _SLOTS
        while width < _WIDTHS and newest_ms // _WIDTHS_MS[width] - start_ms // _WIDTHS_MS[width] >= _KEPT[width]:
            width += 1
        if width < _WIDTHS:
            key = (start_ms // _WIDTHS_MS[width] * _SLOTS + slot) * _WIDTHS + width
            found[key] = round(found.get(key, 0) + value, 2)
    return found


def _value(slot: int, cell: int, count: int) -> Number:
    cell_ms = _WIDTHS_MS[cell]

    def value(profile: Profile, now_ms: int) -> float:
        found, last = 0.0, now_ms // cell_ms
        for key, amount in (profile.states.get(Windows.name) or (0, _NOTHING))[1].items():
            if key // _WIDTHS % _SLOTS == slot and key % _WIDTHS <= cell:
                start_ms = key // _WIDTHS // _SLOTS * _WIDTHS_MS[key % _WIDTHS]
                if start_ms <= now_ms and last - start_ms // cell_ms < count:
                    found += amount
        return found

    return value
