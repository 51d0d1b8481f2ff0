"""The back end for requests: agrees with a naive interpreter; reads each feature at most once, and only where it matters."""

import ast
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rayce.features.feature_set import ALL, FeatureSet
from rayce.profile import Profile
from rayce.segments import compiled
from rayce.segments.compiled import compile_rule, compile_rules
from rayce.segments.rules import parse_rule
from tests.rayce.segments.trees import (
    AT_MS,
    FEATURES,
    NUMBERS,
    SEGMENTS,
    Anything,
    comparisons,
    having,
    interpret,
    people,
    trees,
)
from tests.samples import T0, folded, histories

real = trees(comparisons(tuple(ALL.numbers), tuple(ALL.words)))


def rule_of(tree: dict[str, Any], features: FeatureSet = FEATURES) -> Any:
    return parse_rule(tree, "when", SEGMENTS, features)


@given(trees(), people)
@example({"feature": "n0", "ge": 1.0}, having(n0=1.0))
def test_a_compiled_rule_agrees_with_the_naive_interpreter(tree: dict[str, Any], profile: Profile) -> None:
    test = compile_rule(rule_of(tree), FEATURES)
    assert test(profile, AT_MS) is interpret(tree, profile, AT_MS, FEATURES)


@settings(max_examples=30)
@given(real, histories(people=1, most=25), st.integers(0, 10**10))
def test_so_it_does_on_what_people_really_do(tree: dict[str, Any], history: list[Any], later: int) -> None:
    profile = folded(*history)
    assert compile_rule(rule_of(tree, ALL))(profile, T0 + later) is interpret(tree, profile, T0 + later, ALL)


@given(st.lists(trees(), min_size=1, max_size=5), people)
def test_many_rules_in_one_function_decide_as_each_by_itself(some: list[dict[str, Any]], profile: Profile) -> None:
    rules = [rule_of(tree) for tree in some]
    decide = compile_rules([(rule, 1 << 3 * n) for n, rule in enumerate(rules)], FEATURES)
    expected = sum(compile_rule(rule, FEATURES)(profile, AT_MS) << 3 * n for n, rule in enumerate(rules))
    assert decide(profile, AT_MS) == expected


def counted(reads: Counter[str]) -> FeatureSet:
    """The features, with each reading counted."""

    family = Anything()
    family.numbers = {n: _counting(n, read, reads) for n, read in Anything.numbers.items()}
    family.words = {n: _counting(n, read, reads) for n, read in Anything.words.items()}
    return FeatureSet([family])


def _counting(name: str, read: Callable[[Profile, int], Any], reads: Counter[str]) -> Callable[[Profile, int], Any]:
    def counting(profile: Profile, now_ms: int) -> Any:
        reads[name] += 1
        return read(profile, now_ms)

    return counting


@given(st.lists(trees(), min_size=1, max_size=4), people)
def test_no_feature_is_read_twice(some: list[dict[str, Any]], profile: Profile) -> None:
    reads: Counter[str] = Counter()
    features = counted(reads)
    compile_rules([(rule_of(tree), 1 << n) for n, tree in enumerate(some)], features)(profile, AT_MS)
    assert all(times == 1 for times in reads.values())


N1 = {"feature": "n1", "eq": 0}


@pytest.mark.parametrize(
    ("tree", "read"),
    [
        ({"all": [{"feature": "n0", "ge": 1}, {"feature": "n1", "ge": 1}]}, ["n0"]),
        ({"any": [{"feature": "n0", "lt": 1}, {"feature": "n1", "ge": 1}]}, ["n0"]),
        (
            {"any": [{"all": [{"feature": "n0", "gt": -1}, {"feature": "n1", "gt": 0}]}, N1]},
            ["n0", "n1"],
        ),
    ],
)
def test_what_does_not_matter_any_more_is_not_read(tree: dict[str, Any], read: list[str]) -> None:
    reads: Counter[str] = Counter()
    compile_rule(rule_of(tree), counted(reads))(Profile(states={"anything": dict.fromkeys(NUMBERS, 0.0)}), AT_MS)
    assert sorted(reads) == read


def test_a_mutant_that_holds_gt_for_ge_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(compiled._OPERATORS, "ge", ast.Gt)
    with pytest.raises(AssertionError):
        test_a_compiled_rule_agrees_with_the_naive_interpreter()


def test_compiled_rules_reach_nothing_but_their_features() -> None:
    """No builtins: what a catalogue says cannot become a call."""
    test = compile_rule(rule_of({"feature": "n0", "ge": 1}), FEATURES)
    assert test.__globals__["__builtins__"] == {}
    assert set(test.__code__.co_names) == {"read0"}


def test_many_segments_are_no_deep_tree() -> None:
    rule = rule_of({"any": [{"feature": name, "ge": n} for n in range(20) for name in NUMBERS]})
    assert compile_rules([(rule, 1 << n) for n in range(300)], FEATURES)(Profile(states={"anything": {}}), AT_MS) == 0
