"""How the segment catalogue declares a batch segment that `jobs.build_segments` works out: its section `batch`.

```yaml
batch:
  totals: {garden_spend: {of: value, categories: [garden], days: 365}}
  when: {all: [{feature: garden_spend, ge: 200}, {feature: country, eq: DE}]}
```

`when` is a rule as live segments have them, over the same features and those that the section itself declares.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from rayce.errors import InvalidCatalogue
from rayce.event import Behaviour, Event
from rayce.features.family import Number, Word
from rayce.features.feature_set import ALWAYS, FeatureSet
from rayce.profile import Profile
from rayce.refusals import UNREADABLE, value_at, where
from rayce.segments.expression import Rule
from rayce.segments.rules import Place, parse_rule

Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]
Days = Annotated[int, Meta(ge=1, le=3_650)]
Share = Annotated[float, Meta(gt=0, le=1)]
Words = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=128)], ...], Meta(max_length=300)]

RFM_NUMBERS = ("recency_score", "frequency_score", "monetary_score")
LIFECYCLE_WORD = "lifecycle"
STAGES = ("prospect", "new", "active", "at_risk", "lapsed", "won_back")


class Total(Struct, frozen=True, forbid_unknown_fields=True):
    """A number from the log: of the events of these types in so many days, `events`, `pieces`, their `value` (quantity times
    price), or `days_since` the last one (3,650: none). With categories, brands or items only lines of one of each count.
    """

    of: Literal["events", "pieces", "value", "days_since"] = "events"
    types: Annotated[tuple[Behaviour, ...], Meta(min_length=1)] = ("purchase",)
    days: Days = 365
    categories: Words = ()
    brands: Words = ()
    items: Words = ()


class Rfm(Struct, frozen=True, forbid_unknown_fields=True):
    """Recency, frequency and monetary value of so many days, each as a score from 1 (the worst value) to `parts` (the best)
    by quantile among those who bought; 0: has not bought.
    """

    days: Days = 365
    parts: Annotated[int, Meta(ge=2, le=100)] = 5


class Lifecycle(Struct, frozen=True, forbid_unknown_fields=True):
    """The stage of somebody's buying, by their own rhythm: `lifecycle` is one of `STAGES`.

    At risk and lapsed after so many of their own intervals, won back for so many days after such a pause. `usual_days` stands
    for the rhythm of who has bought too rarely to have one; left out: the median of those who have.
    """

    new_days: Days = 30
    at_risk: Annotated[float, Meta(gt=0)] = 2.0
    lapsed: Annotated[float, Meta(gt=0)] = 4.0
    won_back_days: Days = 30
    usual_days: Annotated[float, Meta(gt=0)] | None = None


class Lookalike(Struct, frozen=True, forbid_unknown_fields=True):
    """Those most like the seeds, which are a segment's members or a file of user ids: the best `size`, or from `score` on."""

    segment: Name | None = None
    file: str | None = None
    size: Annotated[int, Meta(ge=1)] | None = None
    score: Annotated[float, Meta(ge=0, le=1)] | None = None
    include_seeds: bool = False
    method: Literal["linear", "trees"] = "linear"
    features: tuple[str, ...] = ()
    min_auc: Annotated[float, Meta(ge=0, le=1)] = 0.6


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """The section as it is written. `max_change`: the share of the members that one run may change."""

    totals: dict[Name, Total] = {}
    rfm: Rfm | None = None
    lifecycle: Lifecycle | None = None
    lookalike: Lookalike | None = None
    when: dict[str, Any] | None = None
    max_change: Share = 0.25


class Definition(NamedTuple):
    """A checked section, with the expression of `when` and the features that it may name."""

    section: Section
    rule: Rule | None
    features: FeatureSet


def parse_section(tree: object, key: str, segments: Mapping[str, Place], features: FeatureSet) -> Definition:
    """The definition; `InvalidCatalogue` names the key below `key` and the value that offends."""
    try:
        section = msgspec.convert(tree, Section)
    except UNREADABLE as error:
        path, message = where(str(error))
        at = f"{key}{path.removeprefix('$')}"
        raise InvalidCatalogue(f"{at}: {message}", at, value_at(tree, path)) from None
    declared = _declared(section)
    for name in declared.numbers:
        if name in features.numbers or name in features.words:
            raise InvalidCatalogue(f"{key}.totals.{name}: a feature has that name", f"{key}.totals.{name}", name)
    if section.lookalike is not None:
        _check_lookalike(section.lookalike, f"{key}.lookalike", segments, features)
    elif section.when is None:
        raise InvalidCatalogue(f"{key}: `when` or `lookalike` says who is in it", key, None)
    if section.lifecycle is not None and section.lifecycle.lapsed <= section.lifecycle.at_risk:
        at = f"{key}.lifecycle.lapsed"
        raise InvalidCatalogue(
            f"{at}: later than at_risk ({section.lifecycle.at_risk:g})", at, section.lifecycle.lapsed
        )
    known = FeatureSet([*features.families[len(ALWAYS) :], declared])
    rule = None if section.when is None else parse_rule(section.when, f"{key}.when", segments, known)
    return Definition(section, rule, known)


def _check_lookalike(spec: Lookalike, key: str, segments: Mapping[str, Place], features: FeatureSet) -> None:
    if (spec.segment is None) == (spec.file is None):
        raise InvalidCatalogue(f"{key}: the seeds are a `segment` or a `file`", key, spec.segment or spec.file)
    if (spec.size is None) == (spec.score is None):
        raise InvalidCatalogue(f"{key}: `size` or `score` says how many", key, spec.size)
    if spec.segment is not None and spec.segment not in segments:
        raise InvalidCatalogue(f"{key}.segment: unknown segment {spec.segment!r}", f"{key}.segment", spec.segment)
    for name in spec.features:
        if name not in features.numbers:
            raise InvalidCatalogue(f"{key}.features: unknown feature `{name}`", f"{key}.features", name)


class _Declared:
    """What a section declares, as a family of features: named, but known only where a whole run has been computed."""

    name = "batch"
    types: frozenset[str] = frozenset()

    def __init__(self, numbers: tuple[str, ...], words: tuple[str, ...]) -> None:
        self._names = numbers, words
        self.numbers: Mapping[str, Number] = dict.fromkeys(numbers, _unknown)
        self.words: Mapping[str, Word] = dict.fromkeys(words, _no_word)

    def __reduce__(self) -> tuple[type, tuple[tuple[str, ...], tuple[str, ...]]]:
        return _Declared, self._names

    def write(self, profile: Profile, event: Event) -> None:
        """Nothing is folded."""


def _declared(section: Section) -> _Declared:
    numbers = (*section.totals, *(RFM_NUMBERS if section.rfm else ()))
    return _Declared(numbers, (LIFECYCLE_WORD,) if section.lifecycle else ())


def _unknown(_profile: Profile, _now_ms: int) -> float:
    return float("nan")


def _no_word(_profile: Profile, _now_ms: int) -> str:
    return ""
