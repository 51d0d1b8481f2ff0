"""Rules: compiled ones agree with a naive interpreter on random trees and people; what is no rule is refused by its key."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidCatalogue
from rayce.event import Event
from rayce.features import FEATURES
from rayce.profile import Profile
from rayce.segments.rules import COMPARISONS, MAX_DEPTH, MAX_NODES, compile_rule
from tests.samples import T0, histories
from tests.samples import folded as folded_all

bounds = st.integers(-2, 12) | st.floats(-1e15, 1e15, allow_nan=False) | st.sampled_from([0, 1, 3650.0, 0.5])
comparisons = st.fixed_dictionaries(
    {"feature": st.sampled_from(sorted(FEATURES))},
    optional=dict.fromkeys(COMPARISONS, bounds),
).filter(lambda tree: len(tree) > 1)
trees = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=12,
)


def depth(tree: dict[str, Any]) -> int:
    below = [tree["not"]] if "not" in tree else tree.get("all", tree.get("any", []))
    return 1 + max((depth(each) for each in below), default=0)


def interpret(tree: dict[str, Any], profile: Profile, now_ms: int) -> bool:
    """As naive as can be."""
    if "all" in tree:
        return not [each for each in tree["all"] if not interpret(each, profile, now_ms)]
    if "any" in tree:
        return bool([each for each in tree["any"] if interpret(each, profile, now_ms)])
    if "not" in tree:
        return not interpret(tree["not"], profile, now_ms)
    value = FEATURES[tree["feature"]](profile, now_ms)
    told = {
        "ge": lambda bound: value >= bound,
        "gt": lambda bound: value > bound,
        "le": lambda bound: value <= bound,
        "lt": lambda bound: value < bound,
        "eq": lambda bound: value == bound,
    }
    return all(told[word](bound) for word, bound in tree.items() if word != "feature")


@given(trees.filter(lambda tree: depth(tree) <= MAX_DEPTH), histories(people=1, most=25), st.integers(0, 10**10))
def test_a_compiled_rule_agrees_with_the_naive_interpreter(
    tree: dict[str, Any], history: list[Event], later: int
) -> None:
    profile, now_ms = folded_all(*history), T0 + later
    assert compile_rule(tree, "when")(profile, now_ms) is interpret(tree, profile, now_ms)


GOOD = {"feature": "purchases", "ge": 1}


@pytest.mark.parametrize(
    "tree, key, value",
    [
        ({}, "when", {}),
        ([], "when", []),
        (None, "when", None),
        ("purchases > 1", "when", "purchases > 1"),
        ({"all": []}, "when.all", []),
        ({"all": {}}, "when.all", {}),
        ({"all": GOOD}, "when.all", GOOD),
        ({"not": []}, "when.not", []),
        ({"xor": [GOOD]}, "when", "xor"),
        ({1: [GOOD]}, "when", 1),
        ({"all": [GOOD], "any": [GOOD]}, "when", ["all", "any"]),
        ({"all": [GOOD], 1: [GOOD]}, "when", ["all", 1]),
        ({"all": [GOOD, {"feature": "hat_size", "ge": 1}]}, "when.all[1]", "hat_size"),
        ({"feature": ["purchases"], "ge": 1}, "when", ["purchases"]),
        ({"feature": "purchases"}, "when", "purchases"),
        ({"feature": "purchases", "above": 1}, "when", "above"),
        ({"feature": "purchases", "ge": "1"}, "when.ge", "1"),
        ({"feature": "purchases", "ge": True}, "when.ge", True),
        ({"feature": "purchases", "ge": None}, "when.ge", None),
        ({"feature": "purchases", "ge": 10**400}, "when.ge", 10**400),
        ({"feature": "purchases", "ge": float("inf")}, "when.ge", float("inf")),
    ],
)
def test_what_is_no_rule_is_refused_with_key_and_value(tree: object, key: str, value: object) -> None:
    with pytest.raises(InvalidCatalogue) as caught:
        compile_rule(tree, "when")
    assert (caught.value.key, caught.value.value) == (key, value)


def test_not_a_number_is_no_bound() -> None:
    with pytest.raises(InvalidCatalogue):
        compile_rule({"feature": "purchases", "ge": float("nan")}, "when")


def test_a_tree_may_be_as_deep_as_allowed_and_no_deeper() -> None:
    tree: dict[str, Any] = GOOD
    for _ in range(MAX_DEPTH - 1):
        tree = {"not": tree}
    assert compile_rule(tree, "when")(Profile(), T0) is True
    with pytest.raises(InvalidCatalogue, match="deeper"):
        compile_rule({"not": tree}, "when")


def test_a_tree_may_have_as_many_nodes_as_allowed_and_no_more() -> None:
    compile_rule({"any": [GOOD] * (MAX_NODES - 2)}, "when")
    with pytest.raises(InvalidCatalogue, match="more than"):
        compile_rule({"any": [GOOD] * (MAX_NODES - 1)}, "when")


def test_a_tree_without_end_is_refused() -> None:
    """YAML can say so: `&a {not: *a}`."""
    tree: dict[str, Any] = {}
    tree["not"] = tree
    branches: list[Any] = []
    branches += [branches, branches]
    for endless in (tree, {"all": branches}):
        with pytest.raises(InvalidCatalogue):
            compile_rule(endless, "when")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["all", "any", "not", "feature", "ge", "x"]), inner, max_size=3)
        ),
        max_leaves=10,
    )
)
def test_any_other_tree_is_a_rule_or_refused(tree: object) -> None:
    try:
        compile_rule(tree, "when")
    except InvalidCatalogue as error:
        assert error.key.startswith("when") and str(error)
