"""What a catalogue would do, tried on a sample of people before it is activated: who would enter, who would leave, overlaps."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rayce.features import feature_row
from rayce.profile import Profile
from rayce.segments.aim import threshold_for
from rayce.segments.batch import Moment, members
from rayce.segments.catalogue import Catalogue, Segment
from rayce.segments.compiled import is_member
from rayce.segments.evaluation import Scorers

Members = NDArray[np.bool_]
"""For each person of the sample, whether in the segment."""


class Trial(Struct, frozen=True):
    """One segment, in people of the sample: who is in it now by the stored flags, and who would be."""

    name: str
    bit: int
    kind: str
    now: int
    would_be: int
    would_enter: int
    would_leave: int
    note: str = ""


class TrialOverlap(Struct, frozen=True):
    """People who would be in both, and their share of those who would be in either (Jaccard)."""

    one: str
    other: str
    users: int
    jaccard: float


class DryRun(Struct, frozen=True):
    """The outcome for `people` sampled people as of `now_ms`."""

    people: int
    now_ms: int
    segments: list[Trial]
    overlaps: list[TrialOverlap]


def dry_run(
    people: Sequence[Profile], live: Catalogue, new: Catalogue, models_of: Callable[[str], Scorers], now_ms: int
) -> DryRun:
    """Tries `new` on people, each as if a trigger event came now; short-lived segments as of each person's last event.

    Segments of jobs stay as they are, and so do models that are not there. What only `live` has comes last.
    """
    would: dict[str, Members] = {}
    trials = []
    ruled = _by_rules(people, new, now_ms)
    for segment in new.segments:
        now, note = _stored(people, segment, now_ms), ""
        if segment.name in ruled:
            then = ruled[segment.name]
        elif segment.model is not None:
            then, unscored = _by_model(people, segment, now, models_of, now_ms)
            note = f"no model `{segment.model}` for {unscored}: as they are" if unscored else ""
        else:
            then, note = now, "set by jobs: as they are"
        would[segment.name] = then
        trials.append(_trial(segment, now, then, note))
    for segment in live.segments:
        if segment.bit not in new.names:
            now = _stored(people, segment, now_ms)
            trials.append(_trial(segment, now, np.zeros_like(now), "not in the new catalogue"))
    return DryRun(len(people), now_ms, trials, _overlaps(would))


def _by_rules(people: Sequence[Profile], new: Catalogue, now_ms: int) -> dict[str, Members]:
    lasting = {name: rule for name, rule in new.rules.items() if new.by_name[name].ttl_s is None}
    passing = {name: rule for name, rule in new.rules.items() if name not in lasting}
    last_ms = np.array([profile.last_ms for profile in people], dtype=np.int64)
    found = members([Moment(profile, now_ms) for profile in people], lasting, new.features)
    seen = members([Moment(profile, min(profile.last_ms, now_ms)) for profile in people], passing, new.features)
    held: dict[str, Members] = {name: series.to_numpy() for name, series in found.items()}
    for name, series in seen.items():
        held[name] = series.to_numpy() & _in_force(last_ms, new.by_name[name], now_ms)
    return held


def _in_force(last_ms: NDArray[np.int64], segment: Segment, now_ms: int) -> Members:
    assert segment.ttl_s is not None
    confirmed: Members = (-(-last_ms // 1000) + segment.ttl_s) * 1000 > now_ms
    return confirmed


def _by_model(
    people: Sequence[Profile], segment: Segment, now: Members, models_of: Callable[[str], Scorers], now_ms: int
) -> tuple[Members, int]:
    assert segment.model is not None
    then, unscored = now.copy(), 0
    for i, profile in enumerate(people):
        model = models_of(profile.tenant).get(segment.model)
        limit = threshold_for(segment.threshold, model)
        if model is None or limit is None:
            unscored += 1
            continue
        at_ms = now_ms if segment.ttl_s is None else min(profile.last_ms, now_ms)
        then[i] = round(model.score_one(feature_row(profile, at_ms, model.features)), 6) >= limit
    if segment.ttl_s is not None:
        then &= _in_force(np.array([profile.last_ms for profile in people], dtype=np.int64), segment, now_ms) | now
    return then, unscored


def _stored(people: Sequence[Profile], segment: Segment, now_ms: int) -> Members:
    held = [is_member(profile, segment.bit, segment.ttl_s is not None, now_ms) for profile in people]
    return np.array(held, dtype=np.bool_)


def _trial(segment: Segment, now: Members, then: Members, note: str) -> Trial:
    return Trial(
        name=segment.name,
        bit=segment.bit,
        kind=segment.kind,
        now=_count(now),
        would_be=_count(then),
        would_enter=_count(then & ~now),
        would_leave=_count(now & ~then),
        note=note,
    )


def _overlaps(would: dict[str, Members]) -> list[TrialOverlap]:
    """Of all pairs that have people in common, the largest share first."""
    names = list(would)
    if not names:
        return []
    rows = np.array([would[name] for name in names], dtype=np.int64)
    both: NDArray[Any] = rows @ rows.T
    found = []
    for i, one in enumerate(names):
        for j in range(i + 1, len(names)):
            if both[i, j]:
                either = both[i, i] + both[j, j] - both[i, j]
                found.append(TrialOverlap(one, names[j], int(both[i, j]), round(float(both[i, j] / either), 6)))
    return sorted(found, key=lambda overlap: (-overlap.jaccard, overlap.one, overlap.other))


def _count(held: Members) -> int:
    return int(held.sum())
