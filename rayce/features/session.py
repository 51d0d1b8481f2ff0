"""The current session, and the products last looked at. Always on: recommendations stand on them.

A session ends with another session id, or, without one, after half an hour of nothing; a late event never reopens one.
"""

from collections.abc import Mapping
from math import log2

from rayce.decay import DAY_MS, MINUTE_MS, decayed, strongest
from rayce.event import BEHAVIOUR, Event
from rayce.features.activity import TOUCHING
from rayce.features.family import Number, Plain, Word
from rayce.profile import MAX_SESSION_ITEMS, MAX_TOUCHED, Profile, Session

SESSION_GAP_MS = 30 * MINUTE_MS
TOUCHED_HALF_LIFE_MS = 3 * DAY_MS


class CurrentSession(Plain):
    """Length, depth and pace of the session, and its last 20 products."""

    name = "session"
    types = frozenset(BEHAVIOUR)
    words: Mapping[str, Word] = {}

    def __init__(self) -> None:
        self.numbers: Mapping[str, Number] = {
            "session_depth": lambda p, _: float(p.session.depth),
            "session_duration_s": lambda p, _: (p.session.last_ms - p.session.start_ms) / 1000,
            "session_items": lambda p, _: float(len(p.session.items)),
            "session_pace_per_min": _pace_per_min,
        }

    def write(self, profile: Profile, event: Event) -> None:
        """See `Family.write`."""
        session, now = profile.session, event.timestamp_ms
        if event.session:
            other = event.session != session.key
        else:
            other = not session.start_ms - SESSION_GAP_MS <= now <= session.last_ms + SESSION_GAP_MS
        if other:
            if now < session.last_ms:
                return
            session = Session(event.session, now, now)
        items = session.items
        if event.items and event.type != "impression":
            ids = [line.item_id for line in event.items]
            items = (*[item for item in items if item not in ids], *ids)[-MAX_SESSION_ITEMS:]
        start_ms, last_ms = session.start_ms, session.last_ms
        profile.session = Session(
            session.key,
            start_ms if start_ms < now else now,
            last_ms if last_ms > now else now,
            session.depth + 1,
            items,
        )


class Touched(Plain):
    """The 30 products a person is most interested in, interest halved every three days."""

    name = "touched"
    types = frozenset(TOUCHING)
    numbers: Mapping[str, Number] = {}
    words: Mapping[str, Word] = {}

    def write(self, profile: Profile, event: Event) -> None:
        """See `Family.write`."""
        if not event.items:
            return
        now, weight = event.timestamp_ms, TOUCHING[event.type]
        touched = dict(profile.touched)
        for line in event.items:
            at, had = touched.get(line.item_id, (now, 0.0))
            touched[line.item_id] = (max(at, now), decayed(had, at, weight, now, TOUCHED_HALF_LIFE_MS))
        profile.touched = strongest(touched, MAX_TOUCHED, _strength)


def _strength(touched: tuple[int, float]) -> float:
    return log2(touched[1]) + touched[0] / TOUCHED_HALF_LIFE_MS


def _pace_per_min(profile: Profile, _now_ms: int) -> float:
    """Events a minute from the session's first to its last; 0 for a single one."""
    session = profile.session
    minutes = (session.last_ms - session.start_ms) / MINUTE_MS
    return (session.depth - 1) / minutes if minutes > 0 else 0.0
