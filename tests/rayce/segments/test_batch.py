"""The back end for batches: agrees with the one for requests on random rules and people, whatever their features are."""

from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rayce.features.feature_set import ALL
from rayce.profile import Profile
from rayce.segments import batch
from rayce.segments.batch import Moment, column_of, expression_of, frame_of, members
from rayce.segments.compiled import compile_rule
from rayce.segments.expression import Comparison, leaves
from rayce.segments.rules import parse_rule
from tests.rayce.segments.trees import AT_MS, FEATURES, SEGMENTS, comparisons, having, people, trees
from tests.samples import T0, folded, histories

real = trees(comparisons(tuple(ALL.numbers), tuple(ALL.words)))


@given(st.lists(trees(), min_size=1, max_size=3), st.lists(people, max_size=6))
@example([{"feature": "n0", "ge": 1.0}], [having(n0=float("nan"))])
@example([{"all": [{"feature": "n0", "ge": 1.0}, {"feature": "n1", "ge": 1.0}]}], [having(n0=1.0, n1=0.0)])
def test_both_back_ends_agree(some: list[dict[str, Any]], everybody: list[Profile]) -> None:
    rules = {str(n): parse_rule(tree, "when", SEGMENTS, FEATURES) for n, tree in enumerate(some)}
    found = members([Moment(profile, AT_MS) for profile in everybody], rules, FEATURES)
    for name, rule in rules.items():
        test = compile_rule(rule, FEATURES)
        assert found[name].to_list() == [test(profile, AT_MS) for profile in everybody]


@settings(max_examples=30)
@given(real, st.lists(histories(people=1, most=12), max_size=3))
def test_so_they_do_on_what_people_really_do(tree: dict[str, Any], everybody: list[list[Any]]) -> None:
    rule = parse_rule(tree, "when")
    moments = [Moment(folded(*history), T0 + 86_400_000) for history in everybody]
    assert members(moments, {"a": rule})["a"].to_list() == [compile_rule(rule)(*moment) for moment in moments]


@given(trees(), people)
@example({"feature": "n0", "ge": 1.0}, Profile(states={"anything": {}}))
@example({"not": {"feature": "w0", "ne": "DE"}}, Profile(states={"anything": {}}))
def test_what_is_missing_in_a_frame_is_as_what_a_profile_does_not_have(tree: dict[str, Any], profile: Profile) -> None:
    """Null in the column of whatever this person lacks."""
    rule = parse_rule(tree, "when", SEGMENTS, FEATURES)
    frame = frame_of([Moment(profile, AT_MS)], [rule], FEATURES)
    lacking = [
        column_of(leaf)
        for leaf in leaves(rule)
        if isinstance(leaf, Comparison) and leaf.feature not in profile.states["anything"]
    ]
    holed = frame.with_columns([pl.lit(None, dtype=frame.schema[name]).alias(name) for name in set(lacking)])
    assert holed.select(expression_of(rule)).to_series().to_list() == [compile_rule(rule, FEATURES)(profile, AT_MS)]


def test_a_mutant_that_takes_polars_order_of_not_a_number_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl.Expr, "is_not_nan", lambda self: pl.lit(True))
    with pytest.raises(AssertionError):
        test_both_back_ends_agree()


def test_a_mutant_that_lets_all_be_any_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "AllOf", str)
    with pytest.raises(AssertionError):
        test_both_back_ends_agree()


def test_only_the_columns_that_are_needed_are_computed() -> None:
    rule = parse_rule({"all": [{"feature": "purchases", "ge": 1}, {"feature": "country", "eq": "DE"}]}, "when")
    assert frame_of([Moment(Profile(), T0)], [rule]).columns == ["f:purchases", "f:country"]


def test_nobody_and_nothing_are_no_matter() -> None:
    rule = parse_rule({"feature": "purchases", "ge": 1}, "when")
    assert members([], {"a": rule})["a"].to_list() == []
    assert members([Moment(Profile(), T0)], {}) == {}
