"""Explanations of rules: the tree as it was written, each node with its own outcome, whatever the features are."""

from typing import Any

from hypothesis import given

from rayce.profile import Profile
from rayce.segments.catalogue import parse_catalogue
from rayce.segments.explanation import explain, explain_rule
from rayce.segments.rules import parse_rule
from tests.rayce.segments.trees import AT_MS, FEATURES, SEGMENTS, interpret, people, trees
from tests.samples import T0, event, folded

CATALOGUE = parse_catalogue("""
version: 1
segments:
  - {name: buyer, bit: 0, kind: rule, triggers: [purchase], when: {feature: purchases, ge: 1}}
  - {name: here, bit: 1, kind: rule, triggers: [view], ttl_s: 60, when: {feature: events, ge: 1}}
  - {name: likely, bit: 2, kind: model, triggers: [view], model: buys}
  - {name: chosen, bit: 3, kind: batch}
""")


def bare(told: Any) -> Any:
    """Without what the explanation has added."""
    if isinstance(told, dict):
        return {key: bare(value) for key, value in told.items() if key not in ("holds", "value")}
    return [bare(each) for each in told] if isinstance(told, list) else told


def agrees(told: dict[str, Any], profile: Profile) -> bool:
    """Whether every node says of itself what the naive interpreter says."""
    below = [told["not"]] if "not" in told else told.get("all", told.get("any", []))
    mine = told["holds"] is interpret(bare(told), profile, AT_MS, FEATURES)
    return mine and all(agrees(each, profile) for each in below)


@given(trees(), people)
def test_every_node_says_what_it_would_say_alone(tree: dict[str, Any], profile: Profile) -> None:
    told = explain_rule(parse_rule(tree, "when", SEGMENTS, FEATURES), profile, AT_MS, FEATURES)
    assert bare(told) == tree
    assert agrees(told, profile)


def test_a_flag_that_is_behind_its_rule_is_said_to_be_and_one_that_is_not_is_not() -> None:
    bought = folded(event("purchase", "p1"))
    why = {each.name: each for each in explain(bought, T0, CATALOGUE, {})}
    assert (why["buyer"].member, why["buyer"].holds_now) == (False, True)
    assert why["buyer"].differs and "(purchase)" in why["buyer"].differs
    assert why["here"].differs and "60 s" in why["here"].differs
    assert (why["chosen"].holds_now, why["chosen"].differs, why["likely"].differs) == (None, None, None)


def test_members_come_first_and_say_when_they_end() -> None:
    profile = Profile(events=1, flags=1 << 3, short_lived=((1, T0 // 1000 + 5),))
    found = explain(profile, T0, CATALOGUE, {})
    assert [(each.name, each.member) for each in found] == [
        ("here", True),
        ("chosen", True),
        ("buyer", False),
        ("likely", False),
    ]
    assert [each.expires_at_s for each in found] == [T0 // 1000 + 5, None, None, None]
    assert not explain(profile, T0 + 5_000, CATALOGUE, {})[-1].member


def test_a_score_is_held_against_the_threshold_and_what_moved_it_is_told_strongest_first() -> None:
    class Fixed:
        features = ("views", "spend", "events")

        def score_one(self, row: list[float]) -> float:
            return 0.7

        def contributions(self, row: list[float]) -> dict[str, float]:
            return {"views": 0.1, "spend": -0.5, "events": 0.0}

    (why,) = [
        each for each in explain(folded(event("view")), T0, CATALOGUE, {"buys": Fixed()}) if each.name == "likely"
    ]
    assert why.model is not None and why.holds_now is True
    assert (why.model.score, why.model.stored_score, why.model.threshold) == (0.7, None, 0.5)
    assert [(c.feature, c.value, c.contribution) for c in why.model.contributions] == [
        ("spend", 0.0, -0.5),
        ("views", 1.0, 0.1),
    ]
