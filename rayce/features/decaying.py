"""Decaying counters: what was done, halved every hour, day, week or month. Order of events does not matter."""

from collections.abc import Mapping
from math import exp2

from rayce.decay import DAY_MS, HOUR_MS
from rayce.event import Event
from rayce.features.family import Number, Plain, Word
from rayce.profile import Profile

HALF_LIVES = {"1h": HOUR_MS, "1d": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS}
METRICS = {"views": "view", "add_to_carts": "add_to_cart", "purchases": "purchase"}

_HALF_LIVES_MS = tuple(HALF_LIVES.values())


class Decaying(Plain):
    """`<metric>_decayed_<half-life>`, and `spend_decayed_<half-life>`. State: by metric, the moment and a value a half-life."""

    name = "decaying"
    types = frozenset(METRICS.values())
    words: Mapping[str, Word] = {}

    def __init__(self) -> None:
        self.numbers: Mapping[str, Number] = {
            f"{metric}_decayed_{name}": _value(kind, i)
            for metric, kind in (*METRICS.items(), ("spend", "spend"))
            for i, name in enumerate(HALF_LIVES)
        }

    def write(self, profile: Profile, event: Event) -> None:
        """See `Family.write`."""
        state = dict(profile.states.get(self.name, {}))
        now = event.timestamp_ms
        state[event.type] = _added(state.get(event.type), 1.0, now)
        if event.type == "purchase":
            spend = sum(line.quantity * (line.price or 0.0) for line in event.items)
            state["spend"] = _added(state.get("spend"), spend, now)
        profile.states[self.name] = state


def _added(known: list[float] | None, value: float, now_ms: int) -> list[float]:
    if known is None:
        return [now_ms, value, value, value, value]
    at, hour, day, week, month = known
    ago = now_ms - at
    h, d, w, m = _HALF_LIVES_MS
    if ago >= 0:
        return [
            now_ms,
            hour * exp2(-ago / h) + value,
            day * exp2(-ago / d) + value,
            week * exp2(-ago / w) + value,
            month * exp2(-ago / m) + value,
        ]
    return [
        at,
        hour + value * exp2(ago / h),
        day + value * exp2(ago / d),
        week + value * exp2(ago / w),
        month + value * exp2(ago / m),
    ]


def _value(kind: str, i: int) -> Number:
    half = _HALF_LIVES_MS[i]

    def value(profile: Profile, now_ms: int) -> float:
        known = profile.states.get(Decaying.name, {}).get(kind)
        if known is None:
            return 0.0
        return float(known[1 + i] * exp2(min(0, known[0] - now_ms) / half))

    return value
