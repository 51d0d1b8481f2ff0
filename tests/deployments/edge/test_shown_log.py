"""What chance had a hand in says how likely it was, in the reply's record and from the ranker on."""

from collections.abc import Sequence

import numpy as np
import pytest

from deployments.edge.question import Answer, Question
from deployments.edge.shown_log import tell_shown
from rayce.candidates import Wish
from rayce.circumstances import Circumstances
from rayce.decision import Decision, decode_decision, encode_decision
from rayce.placing import Placement, with_pins
from rayce.ranking import Ranked, as_ranked, slate
from rayce.rules.bound import BoundRules
from rayce.rules.rule_set import parse_rules
from rayce.segments.catalogue import parse_catalogue
from tests.deployments.shop import Shop
from tests.rayce.test_candidates import unpopular_new
from tests.samples import T0
from tests.shops import ByPopularity

pytestmark = pytest.mark.anyio

SHELF = unpopular_new()


def ranked(seed: int = 1, rules: str = "") -> list[Ranked]:
    """All candidates as a reply would tell them; one of two new items is tried out."""
    wish = Wish(seed=seed)
    found = slate(SHELF, ByPopularity(), None, [], wish, T0, 20)
    if rules:
        catalogue = parse_catalogue("version: 1\nsegments: []")
        bound: BoundRules = parse_rules(rules).bind(SHELF, catalogue)
        found = with_pins(SHELF, found, bound, Placement(Circumstances(), 0, T0, 20), wish, ())
    return as_ranked(SHELF, found, found.order.tolist(), None)


def test_only_what_is_tried_out_has_a_propensity_below_one() -> None:
    tried = {item.item_id: item for item in ranked() if item.is_tried}
    assert len(tried) == 1 and tried.keys() < {"p8", "p9"}
    assert {item.propensity for item in tried.values()} == {0.5}
    assert {item.propensity for item in ranked() if not item.is_tried} == {1.0}
    assert {item.propensity for item in ranked(0)} == {1.0}, "without a seed nothing is left to chance"


def test_it_is_told_whatever_reason_the_reply_gives() -> None:
    """A tried item that goes with what was touched says `session`, and is explored all the same."""
    found = slate(SHELF, ByPopularity(), None, [], Wish(seed=1), T0, 20)
    found = found._replace(found=found.found._replace(because=np.zeros(len(found.found.items), dtype=np.int32)))
    items = as_ranked(SHELF, found, found.order.tolist(), None)
    assert {item.source for item in items} == {"session"}
    assert [item.propensity for item in items if item.is_tried] == [0.5]


def test_a_pin_leaves_nothing_to_chance() -> None:
    pins = "version: 1\nrules: [{name: x, pin: {items: [p8, p9]}}]"
    assert {item.propensity for item in ranked(rules=pins)} == {1.0}
    assert 0.5 in {item.propensity for item in ranked(rules="version: 1\nrules: [{name: x, pin: {items: [p1]}}]")}


def told(shop: Shop, items: Sequence[Ranked]) -> Decision:
    """What the log is told of such a reply, read back."""
    question = Question("shop", None, Circumstances(), Wish(), T0)
    tell_shown(shop.edge, question, Answer("live", items, False), "d", {})
    return decode_decision(encode_decision(shop.edge.decisions._waiting[-1]))


async def test_the_log_has_it_by_item_and_of_the_whole(shop: Shop) -> None:
    plain, tried = Ranked("p1", 2.0, "popular", None), Ranked("p8", 1.0, "new", None, propensity=0.5, is_tried=True)
    record = told(shop, [plain, tried, tried._replace(item_id="p9", propensity=0.25)])
    assert [item.propensity for item in record.shown] == [1.0, 0.5, 0.25]
    assert [item.explored for item in record.shown] == [False, True, True]
    assert record.propensity == 0.125


async def test_of_what_is_certain_the_log_says_nothing(shop: Shop) -> None:
    record = told(shop, [Ranked("p1", 2.0, "popular", None), Ranked("p8", 1.0, "new", None, is_tried=True)])
    assert record.propensity == 1.0 and [item.propensity for item in record.shown] == [1.0, 1.0]
    assert b"propensity" not in encode_decision(shop.edge.decisions._waiting[-1])
    assert [item.explored for item in record.shown] == [False, True]
