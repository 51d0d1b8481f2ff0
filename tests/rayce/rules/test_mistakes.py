"""All mistakes of a file of rules, at once, and none where it would be taken."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rayce.errors import InvalidRules
from rayce.refusals import ANY_KEY
from rayce.rules.mistakes import mistakes
from rayce.rules.rule_set import parse_rules
from tests.rayce.rules.test_rule_set import CATALOGUE, DROP, PIN, almost, pieces, text


def keys(source: str) -> list[str]:
    return [mistake.key for mistake in mistakes(source, CATALOGUE)]


def test_every_mistake_of_every_rule_is_told_with_its_value() -> None:
    source = text(
        DROP | {"priority": 5000, "colour": "red"},
        PIN,
        {
            "name": "x",
            "items": {"ids": ["p1", "", 4, None]},
            "boost": 0.5,
            "audience": {"zone": "Mars", "slots": ["a b"]},
        },
        DROP,
        {"name": "y", "boost": 2, "bury": 0.5, "items": {"price": {"between": [5, 3]}}},
    )
    assert {(mistake.key, str(mistake.value)) for mistake in mistakes(source, CATALOGUE)} == {
        ("rules[0].priority", "5000"),
        ("rules[0].colour", "red"),
        ("rules[2].items.ids[1]", ""),
        ("rules[2].items.ids[3]", "None"),
        ("rules[2].boost", "0.5"),
        ("rules[2].audience.slots[0]", "a b"),
        ("rules[3].name", "drop"),
        ("rules[4]", "y"),
        ("rules[4].items.price.between", "[5.0, 3.0]"),
    }
    assert all(str(mistake).startswith(mistake.key) for mistake in mistakes(source, CATALOGUE))


def test_all_of_an_audience_that_fits_its_type_is_told() -> None:
    audience = {
        "zone": "Mars",
        "from": "soon",
        "until": "2026-13-01",
        "hours": ["9:00-10:00", "9-10", "25:00-26:00"],
        "context": {"moon": ["full"], "device": ["phone", "toaster"]},
        "segments": {"any": ["a", "b"], "none": ["c"]},
    }
    assert sorted(keys(text(DROP | {"audience": audience}))) == [
        f"rules[0].audience.{key}"
        for key in (
            "context.device[1]",
            "context.moon",
            "from",
            "hours[1]",
            "hours[2]",
            "segments.any[1]",
            "segments.none[0]",
            "until",
            "zone",
        )
    ]


def test_what_stands_around_the_rules_is_told_with_what_is_in_them() -> None:
    assert keys(text(DROP | {"boost": 0.5}, version=2, colour="red")) == ["colour", "version", "rules[0].boost"]
    assert keys("rules: {}") == ["rules", ""]
    assert keys("- 1") == [""] and keys(": [") == [""]


def test_what_follows_from_a_mistake_is_not_told_as_another() -> None:
    assert keys(text({"name": "x", "items": {"brand": ["b"]}, "boots": 2})) == ["rules[0].boots"]
    assert keys(text({"name": "x", "items": {"brand": []}, "boost": 2})) == ["rules[0].items.brand"]


def agree(source: str) -> None:
    """The first refusal is among all of them, and there are none where there is no refusal."""
    told = mistakes(source, CATALOGUE)
    try:
        parse_rules(source, CATALOGUE)
    except InvalidRules as refused:
        at = refused.key.partition(ANY_KEY)[0]  # which entry of a map it is only all of them together tell
        assert any(mistake.key == at or (at != refused.key and mistake.key.startswith(at)) for mistake in told)
    else:
        assert told == []


@settings(max_examples=300, deadline=None)
@given(st.lists(almost, max_size=3))
def test_they_agree_with_the_rules_being_taken(rules: list[dict[str, Any]]) -> None:
    agree(text(*rules))


@settings(max_examples=200, deadline=None)
@given(st.lists(pieces, max_size=60).map("".join))
def test_any_text_has_mistakes_or_is_taken(source: str) -> None:
    told = mistakes(source, CATALOGUE)
    try:
        parse_rules(source, CATALOGUE)
    except InvalidRules:
        assert told
    else:
        assert told == []
