"""Who is in each segment that is worked out: the columns of everybody in, memberships out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rayce.batch_segments.definition import LIFECYCLE_WORD, RFM_NUMBERS, Definition, Rfm, Section, Total
from rayce.batch_segments.lifecycle import quantile_scores, stages
from rayce.batch_segments.lookalike import FEATURES, Denied, Likeness, chosen, likeness
from rayce.batch_segments.population import LIKENESS, PERSON, PURPOSES
from rayce.batch_segments.totals import Totals
from rayce.consent import PERSONALIZATION, TRAINING
from rayce.features.feature_set import FeatureSet
from rayce.segments.batch import FEATURE, SEGMENT, expression_of
from rayce.segments.expression import Comparison, InSegment, leaves

Members = NDArray[np.bool_]
_RFM = {"days_since": "days_since", "count": "events", "value": "value"}


class Decided(NamedTuple):
    """Memberships, rows as the people's frame, and what a lookalike is made of, where the segment is one."""

    members: Members
    likeness: Likeness | None = None


def totals_of(definitions: Mapping[str, Definition]) -> dict[str, Total]:
    """What has to be added up from the log, by a name of its own for each segment."""
    found: dict[str, Total] = {}
    for name, definition in definitions.items():
        found.update({f"{name}.{total}": spec for total, spec in definition.section.totals.items()})
        if definition.section.rfm is not None:
            found.update({f"{name}.{key}": total for key, total in _rfm_totals(definition.section.rfm).items()})
    return found


def reads_log(definitions: Mapping[str, Definition]) -> bool:
    """Whether anything has to be read from the log."""
    return bool(totals_of(definitions)) or any(each.section.lifecycle is not None for each in definitions.values())


def live_leaves(definitions: Mapping[str, Definition]) -> tuple[Comparison | InSegment, ...]:
    """What the rules read of profiles; the rest they declare themselves."""
    found: dict[Comparison | InSegment, None] = {}
    for definition in definitions.values():
        own = declared(definition.section)
        for leaf in leaves(definition.rule) if definition.rule is not None else ():
            if isinstance(leaf, InSegment) or leaf.feature not in own:
                found[leaf] = None
    return tuple(found)


def likeness_features(definitions: Mapping[str, Definition], features: FeatureSet) -> tuple[str, ...]:
    """What lookalikes are learnt from."""
    found: dict[str, None] = {}
    for definition in definitions.values():
        if definition.section.lookalike is not None:
            found.update(dict.fromkeys(_looked_at(definition, features)))
    return tuple(found)


def declared(section: Section) -> set[str]:
    """The features that a section brings along."""
    names = set(section.totals)
    names.update(RFM_NUMBERS if section.rfm else (), (LIFECYCLE_WORD,) if section.lifecycle else ())
    return names


def decide(
    name: str,
    definition: Definition,
    people: pl.DataFrame,
    totals: Totals | None,
    seeds: Members | None,
    now_ms: int,
    denied: Denied = lambda persons: (),
) -> Decided:
    """Who is in the segment. `seeds` of a lookalike that are not its seed segment's members as they stand; `denied`: who of
    some does not allow training any more. `NotEnoughData` where the seeds are too few.
    """
    section = definition.section
    persons = people[PERSON].to_list()
    allowed = np.ones(len(persons), dtype=np.bool_)
    if definition.rule is not None:
        frame = people.with_columns(**_columns(name, section, persons, totals, now_ms))
        allowed = frame.select(expression_of(definition.rule)).to_series().to_numpy().astype(np.bool_)
    spec = section.lookalike
    if spec is None:
        return Decided(allowed)
    if seeds is None:
        seeds = people[SEGMENT + str(spec.segment)].to_numpy().astype(np.bool_)
    both = PERSONALIZATION | TRAINING
    may = (people[PURPOSES].to_numpy() & both) == both
    names = _looked_at(definition, definition.features)
    found = likeness(name, _matrix(people, names), names, persons, seeds, may, spec, denied)
    candidates = allowed if spec.include_seeds else allowed & ~seeds
    return Decided(chosen(found.scores, candidates, spec), found)


def _columns(
    name: str, section: Section, persons: Sequence[str], totals: Totals | None, now_ms: int
) -> dict[str, pl.Series]:
    found: dict[str, pl.Series] = {}
    if totals is None:
        return found
    values = totals.values(persons)
    for total in section.totals:
        found[FEATURE + total] = pl.Series(values[f"{name}.{total}"])
    if section.rfm is not None:
        since, count, value = (values[f"{name}.rfm.{key}"] for key in _RFM)
        parts, bought = section.rfm.parts, count > 0
        recency, frequency, monetary = RFM_NUMBERS
        found[FEATURE + recency] = pl.Series(quantile_scores(since, bought, parts, least_is_best=True))
        found[FEATURE + frequency] = pl.Series(quantile_scores(count, bought, parts))
        found[FEATURE + monetary] = pl.Series(quantile_scores(value, bought, parts))
    if section.lifecycle is not None:
        stage = stages(totals.purchases(persons), section.lifecycle, now_ms)
        found[FEATURE + LIFECYCLE_WORD] = pl.Series(stage.tolist(), dtype=pl.String)
    return found


def _rfm_totals(spec: Rfm) -> dict[str, Total]:
    return {f"rfm.{key}": Total(of, days=spec.days) for key, of in _RFM.items()}  # type: ignore[arg-type]


def _looked_at(definition: Definition, features: FeatureSet) -> tuple[str, ...]:
    assert definition.section.lookalike is not None
    return definition.section.lookalike.features or tuple(name for name in FEATURES if name in features.numbers)


def _matrix(people: pl.DataFrame, names: tuple[str, ...]) -> NDArray[np.float64]:
    return np.column_stack([people[LIKENESS + name].to_numpy().astype(np.float64) for name in names])
