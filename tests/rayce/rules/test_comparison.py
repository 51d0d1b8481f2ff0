"""What a change of rules does to logged requests: counted, explained and shown side by side."""

import io
from typing import Any

import pytest
import yaml
from rich.console import Console

from rayce import rules_page
from rayce.circumstances import Circumstances
from rayce.decision import VERSION, Decision, ShownItem, encode_decision
from rayce.documents import RULES, activate_document
from rayce.errors import InvalidInput
from rayce.publication import publish
from rayce.rules.comparison import Comparison, Request, compare
from rayce.rules.rule_set import NO_RULES, RuleSet, parse_rules
from rayce.rules_trial import try_rules
from rayce.segments.catalogue import parse_catalogue
from rayce.shelf import Shelf
from rayce.stores.memory import MemoryDurable
from tests.rayce.test_recent_decisions import FakeReader
from tests.shops import make_shelf

CATALOGUE = parse_catalogue("version: 1\nsegments: [{name: a, bit: 2, kind: batch}]")
SHELF = make_shelf()
POOL = tuple((f"p{n}", 9.0 - n) for n in range(6))
DROP = {"name": "drop", "items": {"ids": ["p0"]}, "filter": "drop"}


def rules_text(*rules: dict[str, Any]) -> str:
    return yaml.safe_dump({"version": 1, "rules": list(rules)})


def compared(*rules: dict[str, Any], old: RuleSet = NO_RULES, requests: tuple[Request, ...] = ()) -> Comparison:
    asked = requests or (Request(Circumstances("home"), 0, 5, 3, POOL),)
    return compare(asked, SHELF, old.bind(SHELF, CATALOGUE), parse_rules(rules_text(*rules)).bind(SHELF, CATALOGUE))


def test_the_same_rules_change_nothing() -> None:
    found = compared(DROP, old=parse_rules(rules_text(DROP)))
    assert (found.requests, found.changed, found.places, found.entered, found.left, found.moved) == (1, 0, 3, 0, 0, 0)
    assert found.examples == ()


def test_items_that_enter_leave_and_move_are_counted_and_the_rules_named() -> None:
    found = compared(DROP)
    assert (found.changed, found.entered, found.left, found.moved, found.shorter) == (1, 1, 1, 2, 0)
    (example,) = found.examples
    assert [(p.item_id, p.old, p.new, p.rules) for p in example.places] == [
        ("p1", 2, 1, ()),
        ("p2", 3, 2, ()),
        ("p3", None, 3, ()),
        ("p0", 1, None, ("drop",)),
    ]
    assert [(use.name, use.requests, use.items) for use in found.rules] == [("drop", 1, 1)]


def test_only_requests_of_the_audience_change_and_the_greatest_change_is_shown_first() -> None:
    for_a = DROP | {"audience": {"segments": {"any": ["a"]}}}
    keep = {"name": "keep", "items": {"ids": ["p5"]}, "filter": "keep", "audience": {"slots": ["cart"]}}
    requests = tuple(Request(Circumstances(slot), bits, 0, 3, POOL) for slot, bits in (("x", 0), ("x", 4), ("cart", 0)))
    found = compared(for_a, keep, requests=requests)
    assert (found.requests, found.changed, found.shorter) == (3, 2, 1)
    assert [example.slot for example in found.examples] == ["cart", "x"]


def test_a_pin_from_outside_comes_in_and_what_left_the_shelf_is_passed_over() -> None:
    pin = {"name": "pin", "pin": {"items": ["p9"], "position": 1}}
    gone = (Request(Circumstances(), 0, 0, 3, (("gone", 99.0), *POOL)),)
    found = compared(pin, requests=gone)
    assert [place.item_id for place in found.examples[0].places] == ["p9", "p0", "p1", "p2"]


def logged(tenant: str = "shop", pool: tuple[tuple[str, float], ...] = POOL, **more: Any) -> bytes:
    shown = tuple(ShownItem(item) for item, _score in pool[:3])
    given: dict[str, Any] = {
        "kind": "recommendation",
        "pool": pool,
        "shown": shown,
        "slot": "home",
        "bits": "4",
        **more,
    }
    return encode_decision(Decision(version=VERSION, decision_id="d", tenant=tenant, at_ms=1, **given))


def test_a_trial_takes_the_tenants_requests_that_have_their_candidates_and_the_rules_that_are_live() -> None:
    durable = MemoryDurable()
    new = parse_rules(rules_text(DROP | {"audience": {"segments": {"all": ["a"]}}}))
    log = [
        logged(),
        logged("other"),
        logged(pool=()),
        logged(kind="slot"),
        logged(bits="", context={"device": "phone"}),
    ]
    reader = FakeReader([log])
    with pytest.raises(InvalidInput, match="no shelf"):
        try_rules(durable, reader, "shop", new, CATALOGUE, 10)
    publish(durable, "shop/shelf", SHELF.to_files(), Shelf.from_files)
    found = try_rules(durable, reader, "shop", new, CATALOGUE, 10)
    assert (found.requests, found.changed, found.places) == (2, 1, 6)
    activate_document(durable, "shop", RULES, rules_text(DROP), parse_rules, 0)
    against_live = try_rules(durable, reader, "shop", new, CATALOGUE, 10)
    assert (against_live.requests, against_live.changed) == (2, 1)
    assert against_live.examples[0].context == {"device": "phone"}
    assert try_rules(durable, FakeReader([[]]), "shop", new, CATALOGUE, 10).requests == 0


def test_the_page_tells_all_of_it() -> None:
    page = io.StringIO()
    rules_page.show(compared(DROP), Console(file=page, width=100))
    text = page.getvalue()
    assert "1 requests: 1 lists change (100%)" in text
    for word in ("drop", "in force", "home", "p3", "in", "out", "+1"):
        assert word in text
    empty = io.StringIO()
    rules_page.show(compared(), Console(file=empty, width=100))
    assert "0 lists change (0%)" in empty.getvalue()
