"""Where a person acts from: device, country, language, part of day, as the last event that said so had them."""

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
        """See `Family.write`. An earlier event does not replace what a later one has said."""
        said, parts = profile.states.get(self.name) or _EMPTY
        now, context = event.timestamp_ms, event.context
        if context:
            said = dict(said)
            for field, word in context.items():
                if field in _FIELDS and word and isinstance(word, str) and (field not in said or said[field][0] <= now):
                    said[field] = (now, word[:MAX_WORD])
        which = _DAY_PART.get(context.get("day_part"))
        parts = list(parts)
        parts[now // HOUR_MS % 24 // 6 if which is None else which] += 1
        profile.states[self.name] = (said, parts)


_FIELDS = frozenset(FIELDS)
_DAY_PART: dict[object, int] = {part: i for i, part in enumerate(DAY_PARTS)}
_EMPTY: tuple[dict[str, tuple[int, str]], tuple[int, ...]] = ({}, (0, 0, 0, 0))


def _word(field: str) -> Word:
    def word(profile: Profile, _now_ms: int) -> str:
        state = profile.states.get(Surroundings.name)
        return str(state[0][field][1]) if state and field in state[0] else ""

    return word


def _share(part: int) -> Number:
    def share(profile: Profile, _now_ms: int) -> float:
        state = profile.states.get(Surroundings.name)
        return state[1][part] / sum(state[1]) if state else 0.0

    return share
