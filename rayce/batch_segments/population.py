"""Everybody who may be in a segment, as columns: who, what their features say now, and which flags they have.

Read from durable memory in parts, each of which can be done again by itself; a part is a frame as bytes.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import polars as pl

from rayce.consent import PERSONALIZATION
from rayce.errors import InvalidArtifact
from rayce.features.feature_set import FeatureSet
from rayce.features.row import feature_row
from rayce.profile import Profile, decode_profile
from rayce.segments.batch import SEGMENT, Moment, frame_of
from rayce.segments.compiled import is_member
from rayce.segments.expression import Comparison, InSegment, Rule
from rayce.segments.segment import Segment
from rayce.stores.interfaces import DurableProfiles

PERSON, PURPOSES, LIKENESS = "person", "purposes", "x:"
"""Columns: pseudonym, consent as bits; before a feature's name: what a lookalike is learnt from."""
AT_ONCE = 5_000
"""People decoded at once: a profile is a hundred times as large as its row."""


class Asked(NamedTuple):
    """What has to be known of everybody: of a tenant, as of a moment (ms). `open` gives durable memory, on whatever node."""

    open: Callable[[], DurableProfiles]
    tenant: str
    now_ms: int
    features: FeatureSet
    leaves: tuple[Comparison | InSegment, ...]
    segments: tuple[Segment, ...]
    likeness: tuple[str, ...]
    parts: int


def part_of(asked: Asked, part: int) -> bytes:
    """The people of one of `asked.parts` disjoint parts, by pseudonym, whoever has events and allows personalization."""
    frames = []
    profiles = asked.open().scan_profiles(part, asked.parts)
    for some in _batched(_permitted(profiles_of(profiles), asked.tenant), AT_ONCE):
        frames.append(_frame(asked, some))
    frame = pl.concat(frames).sort(PERSON) if frames else _frame(asked, [])
    buffer = io.BytesIO()
    frame.rechunk().write_parquet(buffer, compression="zstd", compression_level=1)
    return buffer.getvalue()


def together(parts: Iterable[bytes]) -> pl.DataFrame:
    """All parts as one frame, by pseudonym."""
    return pl.concat([pl.read_parquet(io.BytesIO(part)) for part in parts]).sort(PERSON)


def profiles_of(stored: Iterable[tuple[str, object]]) -> Iterator[tuple[str, Profile]]:
    """Decoded; a profile that cannot be read is passed over: its owner's worker will say so."""
    for person, row in stored:
        try:
            yield person, decode_profile(row.state)  # type: ignore[attr-defined]
        except InvalidArtifact:
            continue


def _permitted(people: Iterable[tuple[str, Profile]], tenant: str) -> Iterator[tuple[str, Profile]]:
    for person, profile in people:
        if profile.tenant == tenant and profile.events and profile.purposes & PERSONALIZATION:
            yield person, profile


def _frame(asked: Asked, people: Sequence[tuple[str, Profile]]) -> pl.DataFrame:
    moments = [Moment(profile, asked.now_ms) for _person, profile in people]
    rules: tuple[Rule, ...] = asked.leaves
    columns = {PERSON: pl.Series([person for person, _profile in people], dtype=pl.String)}
    columns[PURPOSES] = pl.Series([profile.purposes for _person, profile in people], dtype=pl.UInt8)
    if rules:
        columns.update(frame_of(moments, rules, asked.features).to_dict())
    for segment in asked.segments:
        held = [is_member(profile, segment.bit, segment.ttl_s is not None, at_ms) for profile, at_ms in moments]
        columns[SEGMENT + segment.name] = pl.Series(held, dtype=pl.Boolean)
    if asked.likeness:
        rows = [feature_row(profile, at_ms, asked.likeness) for profile, at_ms in moments]
        for at, name in enumerate(asked.likeness):
            columns[LIKENESS + name] = pl.Series([row[at] for row in rows], dtype=pl.Float32)
    return pl.DataFrame(columns)


def _batched(people: Iterable[tuple[str, Profile]], count: int) -> Iterator[list[tuple[str, Profile]]]:
    some: list[tuple[str, Profile]] = []
    for each in people:
        some.append(each)
        if len(some) == count:
            yield some
            some = []
    if some:
        yield some
