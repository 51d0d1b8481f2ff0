"""Live rules: bound once, to the shelf and catalogue that are live, and anew when one of them changes."""

from rayce.documents import RULES, activate_document, document_parser
from rayce.generations import LiveGenerations, generation_name
from rayce.rules.live_rules import LiveRules
from rayce.rules.rule_set import parse_rules
from rayce.segments.catalogue import load_catalogue
from rayce.shelf import Shelf
from rayce.stores.memory import MemoryDurable
from tests.shops import ITEMS, make_shelf

RULE = "version: 1\nrules:\n  - {name: gone, filter: drop, items: {ids: [p1]}}"
NO_RULE = "version: 1"


class Stage:
    """A tenant's documents."""

    def __init__(self) -> None:
        self.durable = MemoryDurable()
        parsers = {RULES: document_parser(parse_rules), "shelf": Shelf.from_files}
        self.live = LiveGenerations(self.durable, parsers, 60)
        self.catalogue = load_catalogue()
        self.rules = LiveRules(self.live, lambda: self.catalogue)

    def shelf(self, first: int = 0) -> None:
        name = generation_name("shop", "shelf")
        self.durable.make_live(name, self.durable.publish(name, make_shelf(ITEMS[first:]).to_files()))
        self.live.refresh()

    def activate(self, text: str) -> None:
        activate_document(self.durable, "shop", RULES, text, parse_rules, 1)
        self.live.refresh()


def test_there_are_none_without_a_shelf_or_without_rules() -> None:
    stage = Stage()
    assert stage.rules.of("shop") is None
    stage.activate(RULE)
    assert stage.rules.of("shop") is None
    stage.shelf()
    assert stage.rules.of("shop") is not None and stage.rules.of("other") is None
    stage.activate(NO_RULE)
    assert stage.rules.of("shop") is None


def test_they_are_bound_once_and_anew_when_something_changes() -> None:
    stage = Stage()
    stage.shelf()
    stage.activate(RULE)
    first = stage.rules.of("shop")
    assert stage.rules.of("shop") is first
    stage.shelf(3)
    second = stage.rules.of("shop")
    assert second is not first and second is not None
    stage.catalogue = load_catalogue()
    assert stage.rules.of("shop") is not second


def test_they_are_bound_before_anybody_asks() -> None:
    stage = Stage()
    stage.shelf()
    stage.activate(RULE)
    assert "shop" in stage.rules._kept
