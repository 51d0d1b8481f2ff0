"""What an event does to a person's segments: the rules and models it triggers, nothing else."""

from typing import Protocol

from msgspec.structs import replace

from rayce.event import Event
from rayce.features import feature_row
from rayce.profile import Profile
from rayce.segments.catalogue import Catalogue, Segment


class Scorer(Protocol):
    """A model of one row: the names of its features, in order, and a score of them."""

    features: tuple[str, ...]

    def score_one(self, row: list[float]) -> float:
        """The score of one row."""
        ...


class Scorers(Protocol):
    """A tenant's models by name."""

    def get(self, name: str) -> Scorer | None:
        """The model, or None while it is not there."""
        ...


def evaluate(profile: Profile, event: Event, catalogue: Catalogue, models: Scorers) -> Profile:
    """The profile with its segments brought up to date; the same object where nothing was triggered or changed.

    A segment whose model is not there (not yet trained) is left as it stands.
    """
    triggered = catalogue.triggered.get(event.type, ())
    if not triggered or not profile.events:
        return profile
    now_ms = event.timestamp_ms
    flags = profile.flags
    short_lived = {bit: until for bit, until in profile.short_lived if until * 1000 > now_ms}
    scores = profile.scores
    for segment in triggered:
        if segment.model is not None:
            model = models.get(segment.model)
            if model is None:
                continue
            score = model.score_one(feature_row(profile, now_ms, model.features))
            scores = {**scores, segment.model: round(score, 6)}
            member = score >= segment.threshold
        else:
            member = catalogue.tests[segment.name](profile, now_ms)
        if segment.ttl_s is None:
            flags = flags | 1 << segment.bit if member else flags & ~(1 << segment.bit)
        elif member:
            short_lived[segment.bit] = _expiry_s(segment, short_lived, now_ms)
        else:
            short_lived.pop(segment.bit, None)
    pairs = tuple(sorted(short_lived.items()))
    if flags == profile.flags and pairs == profile.short_lived and scores == profile.scores:
        return profile
    return replace(profile, flags=flags, short_lived=pairs, scores=scores)


def _expiry_s(segment: Segment, short_lived: dict[int, int], now_ms: int) -> int:
    """Rounded up to the second; a late event never shortens it."""
    assert segment.ttl_s is not None
    return max(-(-now_ms // 1000) + segment.ttl_s, short_lived.get(segment.bit, 0))
