"""Where a person acts from: device, country, language, part of day, as the last event that said so had them.

State: the moment of the latest event that had a context, the words, and how many events fell into each part of the day.
"""

from collections.abc import Mapping

from rayce.decay import HOUR_MS
from rayce.event import BEHAVIOUR, Event
from rayce.features.family import Number, Plain, Word
from rayce.profile import Profile

FIELDS = ("device", "country", "language", "day_part")
"""Names of the context fields, and of the features."""
DAY_PARTS = ("night", "morning", "afternoon", "evening")
"""Six hours each, from midnight; by the event's `day_part` where it says, by UTC otherwise."""
MAX_WORD = 16


class Surroundings(Plain):
    """Words of the context, with the moment they were said; and the share of events by part of day."""

    name = "surroundings"
    types = frozenset(BEHAVIOUR)

    def __init__(self) -> None:
        self.words: Mapping[str, Word] = {field: _word(field) for field in FIELDS}
        self.numbers: Mapping[str, Number] = {f"share_{part}": _share(i) for i, part in enumerate(DAY_PARTS)}

    def write(self, profile: Profile, event: Event) -> None:
        """See `Family.write`. An earlier event only tells what later ones have not told."""
        moment_ms, words, parts = profile.states.get(self.name) or _EMPTY
        now, context = event.timestamp_ms, event.context
        which = None
        if context:
            later, copied = now >= moment_ms, False
            for field in FIELDS:
                word = context.get(field)
                if not word or word == words.get(field) or not isinstance(word, str) or (not later and field in words):
                    continue
                if not copied:
                    words, copied = dict(words), True
                words[field] = word[:MAX_WORD]
            moment_ms = now if later else moment_ms
            which = _DAY_PART.get(context.get("day_part"))
        parts = list(parts)
        parts[now // HOUR_MS % 24 // 6 if which is None else which] += 1
        profile.states[self.name] = (moment_ms, words, parts)


_DAY_PART: dict[object, int] = {part: i for i, part in enumerate(DAY_PARTS)}
_EMPTY: tuple[int, dict[str, str], tuple[int, ...]] = (0, {}, (0, 0, 0, 0))


def _word(field: str) -> Word:
    def word(profile: Profile, _now_ms: int) -> str:
        state = profile.states.get(Surroundings.name)
        return str(state[1].get(field, "")) if state else ""

    return word


def _share(part: int) -> Number:
    def share(profile: Profile, _now_ms: int) -> float:
        state = profile.states.get(Surroundings.name)
        return state[2][part] / sum(state[2]) if state else 0.0

    return share
