"""The back end for many people at once: the same expressions, as polars expressions over a frame of features.

A column is a feature (`f:<name>`) or another segment's membership (`s:<name>`), a row is a person. What is missing (null)
compares as not a number does, or as the empty word: only `ne` holds of it. Both back ends agree; a property test says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import NamedTuple

import polars as pl

from rayce.features.feature_set import ALL, FeatureSet
from rayce.profile import Profile
from rayce.segments.compiled import is_member
from rayce.segments.expression import AllOf, Bound, Comparison, InSegment, Not, Rule, leaves

FEATURE, SEGMENT = "f:", "s:"


class Moment(NamedTuple):
    """A person as of a moment (ms)."""

    profile: Profile
    now_ms: int


def frame_of(moments: Sequence[Moment], rules: Iterable[Rule], features: FeatureSet = ALL) -> pl.DataFrame:
    """The columns that the rules read; only the features that are needed are computed."""
    columns: dict[str, pl.Series] = {}
    for leaf in (leaf for rule in rules for leaf in leaves(rule)):
        if column_of(leaf) not in columns:
            columns[column_of(leaf)] = _column(leaf, moments, features)
    return pl.DataFrame(columns) if columns else pl.DataFrame({"": [0] * len(moments)})


def expression_of(rule: Rule) -> pl.Expr:
    """True or false for every row, never null."""
    if isinstance(rule, Comparison):
        return reduce(pl.Expr.__and__, (_compare(rule, word, bound) for word, bound in rule.bounds))
    if isinstance(rule, InSegment):
        return pl.col(column_of(rule)).fill_null(False)
    if isinstance(rule, Not):
        return ~expression_of(rule.rule)
    below = [expression_of(each) for each in rule.rules]
    return reduce(pl.Expr.__and__ if isinstance(rule, AllOf) else pl.Expr.__or__, below)


def members(moments: Sequence[Moment], rules: Mapping[str, Rule], features: FeatureSet = ALL) -> dict[str, pl.Series]:
    """By name, for each moment in order, whether the rule holds."""
    found = frame_of(moments, rules.values(), features).select(
        **{name: expression_of(rule) for name, rule in rules.items()} or {"": pl.lit(True)}
    )
    return {name: found[name] for name in rules}


def column_of(leaf: Comparison | InSegment) -> str:
    """Name of the column that a leaf reads."""
    return FEATURE + leaf.feature if isinstance(leaf, Comparison) else SEGMENT + leaf.segment


def _column(leaf: Comparison | InSegment, moments: Sequence[Moment], features: FeatureSet) -> pl.Series:
    if isinstance(leaf, InSegment):
        held = [is_member(profile, leaf.bit, leaf.short_lived, now_ms) for profile, now_ms in moments]
        return pl.Series(held, dtype=pl.Boolean)
    if leaf.categorical:
        word = features.words[leaf.feature]
        return pl.Series([word(*moment) for moment in moments], dtype=pl.String)
    number = features.numbers[leaf.feature]
    return pl.Series([number(*moment) for moment in moments], dtype=pl.Float64)


def _compare(rule: Comparison, word: str, bound: Bound) -> pl.Expr:
    column = pl.col(column_of(rule))
    if rule.categorical:
        column = column.fill_null("")
        if word == "in":
            assert isinstance(bound, tuple)
            return column.is_in(list(bound))
        return column == pl.lit(bound) if word == "eq" else column != pl.lit(bound)
    column = column.fill_null(float("nan"))
    value = pl.lit(bound, dtype=pl.Float64)
    if word in ("ge", "gt"):  # polars holds not-a-number to be greater than every number; IEEE and Python say neither
        return (column >= value if word == "ge" else column > value) & column.is_not_nan()
    if word in ("le", "lt"):
        return column <= value if word == "le" else column < value
    return column == value if word == "eq" else column != value
