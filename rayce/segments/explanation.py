"""Why somebody is in a segment or not: what each node of a rule says and saw, and which features moved a model's score."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from msgspec import Struct

from rayce.features import feature_row
from rayce.features.feature_set import ALL, FeatureSet
from rayce.profile import Profile
from rayce.segments.aim import threshold_for
from rayce.segments.catalogue import Catalogue, Segment
from rayce.segments.compiled import compile_rule, is_member
from rayce.segments.expression import AllOf, Comparison, InSegment, Not, Rule

MOST_FEATURES = 8
"""Of a model, those that moved the score the most."""


class Contribution(Struct, frozen=True):
    """A feature's value, and what it added to the raw score (log-odds)."""

    feature: str
    value: float
    contribution: float


class ModelWhy(Struct, frozen=True):
    """A model's part: the score that was stored at the last trigger event, the score now, and what moved it.

    `threshold` is None where the segment aims at something for which the model has chosen none.
    """

    model: str
    threshold: float | None
    stored_score: float | None
    score: float | None
    contributions: list[Contribution] = []


class Why(Struct, frozen=True):
    """One segment of a person. `member` is what counts: the stored flag; `holds_now` what rule or model would say now."""

    name: str
    bit: int
    kind: str
    member: bool
    expires_at_s: int | None = None
    holds_now: bool | None = None
    differs: str | None = None
    """Said where the stored flag is not what rule or model would say now."""
    rule: dict[str, Any] | None = None
    """The rule's tree, each node with `holds`, and each feature with the `value` that was seen."""
    model: ModelWhy | None = None


class Explainable(Protocol):
    """A model that can say what moved its score."""

    features: tuple[str, ...]

    def score_one(self, row: list[float]) -> float:
        """The score of one row."""
        ...

    def contributions(self, row: list[float]) -> dict[str, float]:
        """What each feature added to the raw score."""
        ...


def explain(profile: Profile, now_ms: int, catalogue: Catalogue, models: Mapping[str, Explainable]) -> list[Why]:
    """Every segment of the catalogue, members first, then by bit. A model that is not in `models` is not asked."""
    found = [_why(profile, now_ms, segment, catalogue, models) for segment in catalogue.segments]
    return sorted(found, key=lambda why: (not why.member, why.bit))


def explain_rule(rule: Rule, profile: Profile, now_ms: int, features: FeatureSet = ALL) -> dict[str, Any]:
    """The rule's tree as it is written in a catalogue, with `holds` at every node and `value` at every leaf.

    Unlike an evaluation it looks at every node, also where the outcome no longer depends on it.
    """
    holds = compile_rule(rule, features)(profile, now_ms)
    if isinstance(rule, Comparison):
        value = (features.words if rule.categorical else features.numbers)[rule.feature](profile, now_ms)
        bounds = {word: list(bound) if isinstance(bound, tuple) else bound for word, bound in rule.bounds}
        return {"feature": rule.feature, **bounds, "value": value, "holds": holds}
    if isinstance(rule, InSegment):
        return {"in_segment": rule.segment, "holds": holds}
    if isinstance(rule, Not):
        return {"not": explain_rule(rule.rule, profile, now_ms, features), "holds": holds}
    below = [explain_rule(each, profile, now_ms, features) for each in rule.rules]
    return {"all" if isinstance(rule, AllOf) else "any": below, "holds": holds}


def _why(
    profile: Profile, now_ms: int, segment: Segment, catalogue: Catalogue, models: Mapping[str, Explainable]
) -> Why:
    rule = catalogue.rules.get(segment.name)
    tree = explain_rule(rule, profile, now_ms, catalogue.features) if rule is not None else None
    model = _model(profile, now_ms, segment, models) if segment.model is not None else None
    holds: bool | None = tree["holds"] if tree is not None else None
    if model is not None and model.score is not None and model.threshold is not None:
        holds = model.score >= model.threshold
    member = is_member(profile, segment.bit, segment.ttl_s is not None, now_ms)
    return Why(
        name=segment.name,
        bit=segment.bit,
        kind=segment.kind,
        member=member,
        expires_at_s=_expiry(profile.short_lived, segment.bit) if member and segment.ttl_s is not None else None,
        holds_now=holds,
        differs=_difference(segment, member, holds),
        rule=tree,
        model=model,
    )


def _model(profile: Profile, now_ms: int, segment: Segment, models: Mapping[str, Explainable]) -> ModelWhy:
    assert segment.model is not None
    stored, model = profile.scores.get(segment.model), models.get(segment.model)
    if model is None:
        return ModelWhy(segment.model, threshold_for(segment.threshold, None), stored, None)
    row = feature_row(profile, now_ms, model.features)
    values = dict(zip(model.features, row, strict=True))
    moved = sorted(model.contributions(row).items(), key=lambda entry: -abs(entry[1]))[:MOST_FEATURES]
    contributions = [Contribution(name, values[name], round(added, 6)) for name, added in moved if added]
    limit = threshold_for(segment.threshold, model)
    return ModelWhy(segment.model, limit, stored, round(model.score_one(row), 6), contributions)


def _difference(segment: Segment, member: bool, holds: bool | None) -> str | None:
    if holds is None or holds == member:
        return None
    triggers, what = ", ".join(segment.triggers), f"the {segment.kind}"
    if segment.ttl_s is not None and holds:
        return f"{what} holds now, but no trigger event ({triggers}) has confirmed it within {segment.ttl_s} s"
    return f"{what} now says otherwise, but the stored flag stands until the next trigger event ({triggers})"


def _expiry(short_lived: Iterable[tuple[int, int]], bit: int) -> int | None:
    return next((until_s for at, until_s in short_lived if at == bit), None)
