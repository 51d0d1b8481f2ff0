"""What an event does to a person's segments: the rules and models it triggers, nothing else; and what a job's override does."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from rayce.consent import PERSONALIZATION
from rayce.event import Event
from rayce.features import feature_row
from rayce.model_inputs import checksum_of
from rayce.profile import Profile
from rayce.segments.aim import threshold_for
from rayce.segments.catalogue import Catalogue, Segment
from rayce.segments.segment import expiry_s


class Scorer(Protocol):
    """A model of one row: the names of its features, in order, and a score of them.

    It may have a method `checksum(row)` that is equal for rows it scores alike (`rayce.model_inputs`), and `thresholds` that
    were chosen for what segments aim at (`rayce.segments.aim`).
    """

    features: tuple[str, ...]

    def score_one(self, row: list[float]) -> float:
        """The score of one row."""
        ...


class Scorers(Protocol):
    """A tenant's models by name."""

    def get(self, name: str) -> Scorer | None:
        """The model, or None while it is not there."""
        ...


class EvaluationCounts(Struct):
    """What evaluations have done, for metrics. One thread adds, others may read."""

    events: int = 0
    """Events evaluated."""
    events_with_inference: int = 0
    """Events for which at least one model was asked."""
    inferences: int = 0
    """Models asked."""
    spared: int = 0
    """Models not asked because nothing that their score depends on had changed."""
    overrides: int = 0
    """Flags that jobs set or took back."""
    overrides_refused: int = 0
    """Overrides of segments that are not of the kind `batch`, or of nobody who may have segments."""


class _Scored(NamedTuple):
    score: float
    checksum: int
    asked: bool


def evaluate(
    profile: Profile, event: Event, catalogue: Catalogue, models: Scorers, counts: EvaluationCounts | None = None
) -> Profile:
    """The profile with its segments brought up to date; the same object where nothing was triggered or changed.

    A segment whose model is not there (not yet trained, or not for its aim) is left as it stands. A model is asked only where
    something that its score depends on has changed since it was last asked.
    """
    plan = catalogue.plans.get(event.type)
    counts = counts or EvaluationCounts()
    counts.events += 1
    if plan is None or not profile.events:
        return profile
    now_ms = event.timestamp_ms
    held = plan.decide(profile, now_ms)
    flags = profile.flags & ~plan.permanent | held & plan.permanent
    short_lived = {bit: until for bit, until in profile.short_lived if until * 1000 > now_ms}
    for segment in plan.short_lived:
        _put(short_lived, segment, bool(held >> segment.bit & 1), now_ms)
    scores, inputs = profile.scores, profile.inputs
    asked = 0
    for name, segments in plan.models.items():
        model = models.get(name)
        if model is None:
            continue
        scored = _score(profile, now_ms, name, model)
        asked += scored.asked
        counts.spared += not scored.asked
        if scored.asked:
            scores, inputs = {**scores, name: scored.score}, {**inputs, name: scored.checksum}
        for segment in segments:
            limit = threshold_for(segment.threshold, model)
            if limit is None:
                continue
            member = scored.score >= limit
            if segment.ttl_s is None:
                flags = flags | 1 << segment.bit if member else flags & ~(1 << segment.bit)
            else:
                _put(short_lived, segment, member, now_ms)
    counts.inferences += asked
    counts.events_with_inference += asked > 0
    pairs = tuple(sorted(short_lived.items()))
    if flags == profile.flags and pairs == profile.short_lived and not asked:
        return profile
    return replace(profile, flags=flags, short_lived=pairs, scores=scores, inputs=inputs)


def override(profile: Profile, event: Event, catalogue: Catalogue, counts: EvaluationCounts | None = None) -> Profile:
    """What a `segment_override` does: its properties say of segments, by name or bit number, whether the person is in them.

    Only segments of the kind `batch` can be set, only of somebody who has events and whose consent allows it; the rest is
    counted as refused. The same object where nothing changes, so a repeated override changes nothing either.
    """
    counts = counts or EvaluationCounts()
    allowed = profile.events and profile.tenant == event.tenant and profile.purposes & PERSONALIZATION
    flags, short_lived = profile.flags, dict(profile.short_lived)
    for key, value in event.properties.items():
        segment = _named(catalogue, key)
        if not allowed or segment is None or segment.kind != "batch" or not isinstance(value, bool):
            counts.overrides_refused += 1
            continue
        counts.overrides += 1
        if segment.ttl_s is None:
            flags = flags | 1 << segment.bit if value else flags & ~(1 << segment.bit)
        else:
            _put(short_lived, segment, value, event.timestamp_ms)
    pairs = tuple(sorted(short_lived.items()))
    if flags == profile.flags and pairs == profile.short_lived:
        return profile
    return replace(profile, flags=flags, short_lived=pairs)


def _score(profile: Profile, now_ms: int, name: str, model: Scorer) -> _Scored:
    """The score, rounded, as it is kept and held against thresholds."""
    row = feature_row(profile, now_ms, model.features)
    checksum: int = getattr(model, "checksum", checksum_of)(row)
    known: Mapping[str, float] = profile.scores
    if profile.inputs.get(name) == checksum and name in known:
        return _Scored(known[name], checksum, False)
    return _Scored(round(model.score_one(row), 6), checksum, True)


def _put(short_lived: dict[int, int], segment: Segment, member: bool, now_ms: int) -> None:
    if member:
        short_lived[segment.bit] = expiry_s(segment, short_lived.get(segment.bit, 0), now_ms)
    else:
        short_lived.pop(segment.bit, None)


def _named(catalogue: Catalogue, key: str) -> Segment | None:
    name = catalogue.names.get(int(key)) if key.isascii() and key.isdecimal() and len(key) <= 4 else key
    return catalogue.by_name.get(name) if name is not None else None
