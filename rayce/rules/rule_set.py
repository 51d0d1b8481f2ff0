"""The marketer's rules: YAML in, checked rules out, to be bound to a shelf. Nothing in them is ever evaluated as code."""

import math
from collections.abc import Iterator
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from rayce.errors import InvalidRules
from rayce.rules.bound import BoundRules
from rayce.rules.pin_conflicts import pin_conflicts
from rayce.rules.rule import ACTIONS, MAX_RULES, Items, Rule
from rayce.segments.catalogue import Catalogue
from rayce.shelf import Shelf
from rayce.yaml_tree import read_yaml


class RulesFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The document."""

    version: Literal[1]
    rules: Annotated[tuple[Rule, ...], Meta(max_length=MAX_RULES)] = ()


class RuleSet:
    """Checked rules: the enabled ones, the most important first, and what is odd about them."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.all = rules
        self.rules = tuple(sorted((rule for rule in rules if rule.enabled), key=lambda rule: -rule.priority))

    def bind(self, shelf: Shelf, catalogue: Catalogue) -> BoundRules:
        """The rules over a shelf's items, with the bits of a catalogue's segments. Costs milliseconds: keep it."""
        return BoundRules(self.rules, shelf, catalogue)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a marketer should know: pins that may want the same place."""
        return tuple(pin_conflicts(self.rules))


NO_RULES = RuleSet(())
"""What counts until some were activated."""


def load_rules(path: str | Path | None = None, catalogue: Catalogue | None = None) -> RuleSet:
    """The rules of a file, or those that come with rayce. `InvalidRules` names file, key and value."""
    source = Path(path) if path else files("rayce.rules") / "starter.yaml"
    try:
        return parse_rules(source.read_text(encoding="utf-8"), catalogue)
    except InvalidRules as error:
        raise InvalidRules(f"{source}: {error}", error.key, error.value) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRules(f"{source}: {error}", "", str(source)) from None


def parse_rules(text: str, catalogue: Catalogue | None = None) -> RuleSet:
    """The rules in a YAML text. Without a catalogue any segment is believed, as who takes up rules that are live must."""
    rules = read_yaml(text, RulesFile, InvalidRules).rules
    names: set[str] = set()
    for i, rule in enumerate(rules):
        for mistake in rule_mistakes(rule, f"rules[{i}]", catalogue, names):
            raise mistake
    return RuleSet(rules)


def rule_mistakes(
    rule: Rule, key: str, catalogue: Catalogue | None, names: set[str], with_action: bool = True
) -> Iterator[InvalidRules]:
    """What does not hold together in a rule that fits its type; `names` are those before it, and gain its own."""
    if rule.name in names:
        yield InvalidRules(f"{key}.name: {rule.name!r} stands twice", f"{key}.name", rule.name)
    names.add(rule.name)
    if with_action:
        yield from _of_action(rule, key)
    yield from rule.audience.mistakes(f"{key}.audience", catalogue, InvalidRules)


_WITH_ITEMS = {
    "filter": True,
    "boost": True,
    "bury": True,
    "pin": False,
    "cap": None,
    "diversify": False,
    "freshness": None,
}
"""By action: whether it must (may not, may) say which items it is about."""


def _of_action(rule: Rule, key: str) -> Iterator[InvalidRules]:
    actions = [name for name in ACTIONS if getattr(rule, name) is not None]
    if len(actions) != 1:
        yield InvalidRules(f"{key}: one of {', '.join(ACTIONS)}, not {actions or 'none'}", key, rule.name)
    else:
        wanted = _WITH_ITEMS[actions[0]]
        if wanted is True and rule.items is None:
            yield InvalidRules(f"{key}.items: `{actions[0]}` of which items?", f"{key}.items", None)
        if wanted is False and rule.items is not None:
            told = _plain(rule.items)
            yield InvalidRules(f"{key}.items: `{actions[0]}` takes no such condition", f"{key}.items", told)
    if rule.items is not None:
        yield from _of_items(rule.items, f"{key}.items")


def _of_items(items: Items, key: str) -> Iterator[InvalidRules]:
    if items == Items():
        yield InvalidRules(f"{key}: no condition at all; name categories, brands, ids, a price or an age", key, None)
    price = items.price
    if price is None:
        return
    if (price.below, price.above, price.between) == (None, None, None):
        yield InvalidRules(f"{key}.price: one of below, above, between", f"{key}.price", None)
    least, most = price.between or (0.0, math.inf)
    if price.above is not None and price.below is not None and price.above >= price.below:
        yield InvalidRules(
            f"{key}.price: nothing is above {price.above} and below {price.below}", f"{key}.price", price.above
        )
    if least > most:
        yield InvalidRules(f"{key}.price.between: {least} is more than {most}", f"{key}.price.between", [least, most])


def _plain(value: object) -> Any:
    return msgspec.to_builtins(value)
