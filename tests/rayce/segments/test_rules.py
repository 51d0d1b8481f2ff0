"""Rules: what is no rule is refused by its key; what is one comes out as it was written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidCatalogue
from rayce.segments.expression import Comparison, Not
from rayce.segments.rules import MAX_DEPTH, MAX_NODES, MAX_WORDS, parse_rule
from tests.rayce.segments.trees import FEATURES, SEGMENTS, trees

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
        ({"feature": "purchases", "in": [1, 2]}, "when", "in"),
        ({"feature": "country", "ge": "DE"}, "when", "ge"),
        ({"feature": "country"}, "when", "country"),
        ({"feature": "country", "eq": 5}, "when.eq", 5),
        ({"feature": "country", "eq": False}, "when.eq", False),
        ({"feature": "country", "eq": "x" * 65}, "when.eq", "x" * 65),
        ({"feature": "country", "in": "DE"}, "when.in", "DE"),
        ({"feature": "country", "in": []}, "when.in", []),
        ({"feature": "country", "in": ["DE", False]}, "when.in[1]", False),
        ({"in_segment": "nobody"}, "when.in_segment", "nobody"),
        ({"in_segment": ["lasting"]}, "when.in_segment", ["lasting"]),
    ],
)
def test_what_is_no_rule_is_refused_with_key_and_value(tree: object, key: str, value: object) -> None:
    with pytest.raises(InvalidCatalogue) as caught:
        parse_rule(tree, "when", SEGMENTS)
    assert (caught.value.key, caught.value.value) == (key, value)


def test_a_country_that_yaml_reads_as_no_is_explained() -> None:
    with pytest.raises(InvalidCatalogue, match='quotes \\("NO"\\)'):
        parse_rule({"feature": "country", "in": [False]}, "when")


def test_as_many_words_as_allowed_and_no_more() -> None:
    words = [f"w{n}" for n in range(MAX_WORDS)]
    assert parse_rule({"feature": "country", "in": words}, "when") == Comparison(
        "country", True, (("in", tuple(words)),)
    )
    with pytest.raises(InvalidCatalogue):
        parse_rule({"feature": "country", "in": [*words, "one more"]}, "when")


@given(trees())
def test_every_tree_that_is_drawn_is_a_rule(tree: dict[str, Any]) -> None:
    parse_rule(tree, "when", SEGMENTS, FEATURES)


def test_not_a_number_is_no_bound() -> None:
    with pytest.raises(InvalidCatalogue):
        parse_rule({"feature": "purchases", "ge": float("nan")}, "when")


def test_a_tree_may_be_as_deep_as_allowed_and_no_deeper() -> None:
    tree: dict[str, Any] = GOOD
    for _ in range(MAX_DEPTH - 1):
        tree = {"not": tree}
    assert isinstance(parse_rule(tree, "when"), Not)
    with pytest.raises(InvalidCatalogue, match="deeper"):
        parse_rule({"not": tree}, "when")


def test_a_tree_may_have_as_many_nodes_as_allowed_and_no_more() -> None:
    parse_rule({"any": [GOOD] * (MAX_NODES - 2)}, "when")
    with pytest.raises(InvalidCatalogue, match="more than"):
        parse_rule({"any": [GOOD] * (MAX_NODES - 1)}, "when")


def test_a_tree_without_end_is_refused() -> None:
    """YAML can say so: `&a {not: *a}`."""
    tree: dict[str, Any] = {}
    tree["not"] = tree
    branches: list[Any] = []
    branches += [branches, branches]
    for endless in (tree, {"all": branches}):
        with pytest.raises(InvalidCatalogue):
            parse_rule(endless, "when")


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
        parse_rule(tree, "when")
    except InvalidCatalogue as error:
        assert error.key.startswith("when") and str(error)
