"""Rules as marketers write them: what is wrong is named by key and value, and any text is rules or a refusal."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rayce.circumstances import Circumstances
from rayce.errors import InvalidRules
from rayce.rules.rule import ACTIONS, MAX_IDS, MAX_RULES
from rayce.rules.rule_set import NO_RULES, RuleSet, load_rules, parse_rules
from rayce.segments.catalogue import load_catalogue, parse_catalogue
from tests.shops import make_shelf

CATALOGUE = parse_catalogue("version: 1\nsegments: [{name: a, bit: 0, kind: batch}]")
DROP = {"name": "drop", "items": {"category": ["garden"]}, "filter": "drop"}
PIN = {"name": "pin", "pin": {"items": ["p1", "p2"], "position": 2}}


def text(*rules: dict[str, Any], **more: Any) -> str:
    return yaml.safe_dump({"version": 1, "rules": list(rules), **more})


def test_the_rules_that_come_with_rayce_are_sound() -> None:
    rules = load_rules(catalogue=load_catalogue())
    assert rules.rules and rules.notes == ()


def test_the_important_ones_come_first_and_what_is_off_does_not_come() -> None:
    rules = parse_rules(
        text(DROP, PIN | {"priority": 5}, DROP | {"name": "b", "enabled": False}, DROP | {"name": "c"}), CATALOGUE
    )
    assert [rule.name for rule in rules.rules] == ["pin", "drop", "c"]
    assert [rule.action for rule in rules.rules] == ["pin", "filter", "filter"]
    assert len(rules.all) == 4


def test_an_item_whose_id_is_a_number_needs_no_quotes() -> None:
    (rule,) = parse_rules("version: 1\nrules: [{name: x, items: {ids: [4711, 0012, p1]}, filter: drop}]").rules
    assert rule.items is not None and [str(item) for item in rule.items.ids or ()] == ["4711", "0012", "p1"]


@pytest.mark.parametrize(
    "source, key, value",
    [
        (text(DROP, DROP), "rules[1].name", "drop"),
        (text(DROP | {"colour": "red"}), "rules[0].colour", "red"),
        (text(DROP, colour="red"), "colour", "red"),
        (text(version=2), "version", 2),
        (text(DROP | {"name": "-"}), "rules[0].name", "-"),
        (text(DROP | {"priority": 5000}), "rules[0].priority", 5000),
        (text({"name": "x"}), "rules[0]", "x"),
        (text(DROP | {"boost": 2.0}), "rules[0]", "drop"),
        (text({"name": "x", "filter": "drop"}), "rules[0].items", None),
        (text(PIN | {"items": {"brand": ["b"]}}), "rules[0].items", {"brand": ("b",)}),
        (text({"name": "x", "items": {}, "filter": "drop"}), "rules[0].items", None),
        (text({"name": "x", "items": {"price": {}}, "filter": "drop"}), "rules[0].items.price", None),
        (
            text({"name": "x", "items": {"price": {"above": 5, "below": 3}}, "filter": "drop"}),
            "rules[0].items.price",
            5.0,
        ),
        (
            text({"name": "x", "items": {"price": {"between": [5, 3]}}, "filter": "drop"}),
            "rules[0].items.price.between",
            [5.0, 3.0],
        ),
        (
            text({"name": "x", "items": {"ids": ["p"] * (MAX_IDS + 1)}, "filter": "drop"}),
            "rules[0].items.ids",
            ["p"] * (MAX_IDS + 1),
        ),
        (text({"name": "x", "items": {"brand": ["b"]}, "filter": "hide"}), "rules[0].filter", "hide"),
        (text({"name": "x", "items": {"brand": ["b"]}, "boost": 1}), "rules[0].boost", 1),
        (text({"name": "x", "items": {"brand": ["b"]}, "boost": float("inf")}), "rules[0].boost", float("inf")),
        (text({"name": "x", "items": {"brand": ["b"]}, "bury": 0}), "rules[0].bury", 0),
        (text({"name": "x", "pin": {"items": [], "position": 1}}), "rules[0].pin.items", []),
        (text({"name": "x", "pin": {"items": ["p"], "position": 0}}), "rules[0].pin.position", 0),
        (text({"name": "x", "cap": {"by": "colour", "at_most": 1}}), "rules[0].cap.by", "colour"),
        (text({"name": "x", "diversify": {"by": "brand", "strength": 9}}), "rules[0].diversify.strength", 9),
        (text({"name": "x", "freshness": {"half_life_days": 0}}), "rules[0].freshness.half_life_days", 0),
        (text(DROP | {"audience": {"segments": {"any": ["nobody"]}}}), "rules[0].audience.segments.any[0]", "nobody"),
        (text(DROP | {"audience": {"zone": "Mars"}}), "rules[0].audience.zone", "Mars"),
    ],
)
def test_what_does_not_hold_together_is_named(source: str, key: str, value: object) -> None:
    with pytest.raises(InvalidRules) as caught:
        parse_rules(source, CATALOGUE)
    assert (caught.value.key, caught.value.value) == (key, value)
    assert key in str(caught.value)


def test_the_file_is_named_too(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(text(DROP, DROP))
    with pytest.raises(InvalidRules, match=r"rules\.yaml: rules\[1\]\.name"):
        load_rules(file)
    with pytest.raises(InvalidRules, match=r"none\.yaml"):
        load_rules(tmp_path / "none.yaml")


def test_no_number_gets_around_its_bounds() -> None:
    """Compared with, `.nan` is neither too small nor too great."""
    for action in (
        "boost: .nan",
        "bury: .nan",
        "diversify: {by: brand, strength: .nan}",
        "freshness: {half_life_days: .nan}",
    ):
        items = "" if action.startswith("diversify") else "items: {brand: [b]}, "
        with pytest.raises(InvalidRules):
            parse_rules("version: 1\nrules: [{name: x, " + items + action + "}]")


def test_more_rules_than_can_be_are_refused() -> None:
    rules = [DROP | {"name": f"r{n}"} for n in range(MAX_RULES + 1)]
    assert len(parse_rules(text(*rules[:-1])).rules) == MAX_RULES
    with pytest.raises(InvalidRules):
        parse_rules(text(*rules))


@pytest.mark.parametrize(
    "first, second, told",
    [
        ({}, {}, 1),
        ({"slots": ["home"]}, {"slots": ["cart"]}, 0),
        ({"slots": ["home", "cart"]}, {"slots": ["cart"]}, 1),
        ({"context": {"device": ["phone"]}}, {"context": {"device": ["desktop"]}}, 0),
        ({"segments": {"any": ["a"]}}, {"segments": {"none": ["a"]}}, 0),
        ({"until": "2026-01-01"}, {"from": "2026-01-02"}, 0),
        ({"until": "2026-01-02"}, {"from": "2026-01-02"}, 1),
    ],
)
def test_pins_that_may_want_the_same_place_are_told(first: dict[str, Any], second: dict[str, Any], told: int) -> None:
    other = {"name": "other", "pin": {"items": ["p9"], "position": 3}}
    rules = parse_rules(text(PIN | {"audience": first}, other | {"audience": second}), CATALOGUE)
    assert len(rules.notes) == told


def test_the_same_item_pinned_twice_is_told_and_pins_apart_are_not() -> None:
    assert len(parse_rules(text(PIN, {"name": "o", "pin": {"items": ["p2"], "position": 9}})).notes) == 1
    assert parse_rules(text(PIN, {"name": "o", "pin": {"items": ["p9"], "position": 4}})).notes == ()


def test_no_rules_are_rules_too() -> None:
    assert NO_RULES.bind(make_shelf(), CATALOGUE).active(Circumstances(), 1, 0) == ()
    assert parse_rules("version: 1").rules == ()


TOKENS = """
version rules name audience items segments any all none slots context device phone from until zone days hours category brand ids
price below above between newer_than_days position by at_most within strength half_life_days weight drop keep 1 2 0.5 1.5 -1 1e9
1e400 .nan .inf true null 9:00-10:00 2026-01-01 : - { } [ ] , & * &a *a << ! !!set !!omap !!binary
"""
pieces = st.sampled_from(
    [
        *ACTIONS,
        *TOKENS.split(),
        "\n",
        "\n  ",
        "\n  - ",
        "\n    ",
        ": ",
        "\x00",
        "\ufeff",
        "\ud800",
        "9" * 400,
    ]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["p1", "home", "brand", "drop"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*ACTIONS, "items", "by", "price"]), inner, max_size=3)
    ),
    max_leaves=8,
)
almost = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "c"])},
    optional={
        "items": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("category", "brand", "ids", "price", "newer_than_days"), values)
        ),
        "audience": st.dictionaries(
            st.sampled_from(["segments", "slots", "context", "from", "zone", "hours"]), values, max_size=2
        ),
        **dict.fromkeys(ACTIONS, values),
    },
)


def accepted(source: str) -> RuleSet | None:
    """The rules, tried; None where they were refused."""
    try:
        rules = parse_rules(source, CATALOGUE)
    except InvalidRules as refused:
        assert str(refused)
        return None
    shelf = make_shelf()
    bound = rules.bind(shelf, CATALOGUE)
    bound.arrange(
        shelf.popular, shelf.popularity[shelf.popular].astype(float), Circumstances(), 1, 1_800_000_000_000, 5, True
    )
    return rules


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=300) | st.lists(pieces, max_size=80).map(" ".join) | st.lists(pieces, max_size=80).map("".join))
def test_any_text_is_rules_or_a_refusal(source: str) -> None:
    accepted(source)
    accepted("version: 1\nrules:\n  - " + source)


@settings(max_examples=500, deadline=None)
@given(st.lists(almost, max_size=3))
def test_anything_that_looks_like_rules_is_rules_or_a_refusal(rules: list[dict[str, Any]]) -> None:
    accepted(text(*rules))


def test_a_tree_that_unfolds_without_end_is_refused_before_it_is_unfolded() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    for last in ("rules: *a9", "rules: [{name: x, items: {category: *a9}, filter: drop}]", "rules: &r [*r]"):
        with pytest.raises(InvalidRules):
            parse_rules("\n".join([*lines, "version: 1", last]))
