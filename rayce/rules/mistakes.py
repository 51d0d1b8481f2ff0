"""All that is wrong with a text of rules, for who has to mend it; `parse_rules` stops at the first."""

from collections.abc import Iterator
from typing import Any

import msgspec

from rayce.errors import InvalidRules
from rayce.rules.rule import ACTIONS, Rule
from rayce.rules.rule_set import RulesFile, rule_mistakes
from rayce.segments.catalogue import Catalogue
from rayce.wrong_places import WrongPlace, wrong_places
from rayce.yaml_tree import read_tree


def mistakes(text: str, catalogue: Catalogue | None = None) -> list[InvalidRules]:
    """Each with key and value, in the order of the rules; none exactly where `parse_rules` takes the text.

    What depends on a part that is wrong already is not looked at: whether a rule has one action, if it has an unknown one.
    """
    try:
        tree = read_tree(text, InvalidRules)
    except InvalidRules as error:
        return [error]
    rules = tree.get("rules", []) if isinstance(tree, dict) else []
    if not isinstance(rules, list):
        return list(map(_refused, wrong_places(tree, RulesFile)))
    around = {**tree, "rules": []} if isinstance(tree, dict) else tree
    found = list(map(_refused, wrong_places(around, RulesFile)))
    names: set[str] = set()
    for i, rule in enumerate(rules):
        found += _of_rule(rule, f"rules[{i}]", catalogue, names)
    return found or list(map(_refused, wrong_places(tree, RulesFile)))


def _of_rule(tree: Any, key: str, catalogue: Catalogue | None, names: set[str]) -> Iterator[InvalidRules]:
    places = list(wrong_places(tree, Rule, key))
    yield from map(_refused, places)
    if not isinstance(tree, dict):
        return
    known = Rule.__struct_fields__
    wrong = {place.key.removeprefix(f"{key}.").partition(".")[0].partition("[")[0] for place in places}
    sound = {name: value for name, value in tree.items() if name in known and name not in wrong}
    sound.setdefault("name", "?")
    rule = msgspec.convert({**sound, "name": "x"}, Rule)
    rule = msgspec.structs.replace(rule, name=sound["name"])
    unsure = {*ACTIONS, "items"} if wrong - set(known) else wrong
    yield from rule_mistakes(rule, key, catalogue, names, with_action=not unsure & {*ACTIONS, "items"})


def _refused(place: WrongPlace) -> InvalidRules:
    return InvalidRules(f"{place.key}: {place.message}" if place.key else place.message, place.key, place.value)
