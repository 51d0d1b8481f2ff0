"""What one type of event asks for: its rules as one function, and which segments are models or short-lived."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rayce.features.feature_set import FeatureSet
from rayce.profile import Bits
from rayce.segments.compiled import Decider, compile_rules
from rayce.segments.expression import Rule
from rayce.segments.segment import Segment


class Plan(NamedTuple):
    """The segments an event type triggers."""

    decide: Decider
    """The bits of those rules that hold."""
    permanent: Bits
    """Bits of the rules that are permanent."""
    short_lived: tuple[Segment, ...]
    """Rules that are short-lived."""
    models: Mapping[str, tuple[Segment, ...]]
    """By model, the segments it decides."""


def make_plan(segments: Sequence[Segment], rules: Mapping[str, Rule], features: FeatureSet) -> Plan:
    """The plan of an event type's segments."""
    ruled = [segment for segment in segments if segment.name in rules]
    models: dict[str, tuple[Segment, ...]] = {}
    for segment in segments:
        if segment.model is not None:
            models[segment.model] = (*models.get(segment.model, ()), segment)
    return Plan(
        decide=compile_rules([(rules[segment.name], 1 << segment.bit) for segment in ruled], features),
        permanent=sum(1 << segment.bit for segment in ruled if segment.ttl_s is None),
        short_lived=tuple(segment for segment in ruled if segment.ttl_s is not None),
        models=models,
    )
