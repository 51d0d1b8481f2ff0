"""Rules at work: equal to the plain way on any rules and pool; each promise has a mutant that breaks it and is caught."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rayce.circumstances import Circumstances, words
from rayce.decay import DAY_MS
from rayce.item import Item
from rayce.rules.bound import BoundRules
from rayce.rules.rule_set import RuleSet, parse_rules
from rayce.segments.catalogue import parse_catalogue
from rayce.shelf import NOTHING, Shelf
from tests.rayce.rules.plain_rules import Plain
from tests.samples import T0

CATALOGUE = parse_catalogue("version: 1\nsegments: [{name: a, bit: 0, kind: batch}, {name: b, bit: 9, kind: batch}]")
SIZE = 30
HOME = Circumstances("home", words({"device": "phone"}))


def shelf_of(size: int = SIZE) -> Shelf:
    """Five departments, four brands, some items of no brand or category, prices to the cent, one item a day for a month."""
    items = [
        Item(
            f"p{n}",
            "",
            (f"d{n % 5}", f"d{n % 5}-{n % 2}", f"leaf{n % 7}") if n % 8 else (),
            f"b{n % 4}" if n % 6 else "",
            n + 0.99,
        )
        for n in range(size)
    ]
    none = np.full((size, 1), NOTHING, dtype=np.int32)
    added = np.array([0 if n % 9 == 0 else T0 - n * DAY_MS for n in range(size)], dtype=np.int64)
    return Shelf.from_items(items, np.ones(size, np.float32), none, np.zeros((size, 1), np.float32), added)


SHELF = shelf_of()
FALLING = np.arange(SIZE, 0, -1, dtype=np.float64)
POOL = np.arange(SIZE, dtype=np.int32)


def rules_of(*rules: dict[str, Any]) -> RuleSet:
    named = [{"name": f"r{i}", **rule} for i, rule in enumerate(rules)]
    return parse_rules(yaml.safe_dump({"version": 1, "rules": named}), CATALOGUE)


def shown(
    *rules: dict[str, Any],
    limit: int = 10,
    bits: int = 0,
    pool: Sequence[int] = tuple(POOL),
    circumstances: Circumstances = HOME,
) -> list[int]:
    """Item numbers of a list for a pool whose scores fall."""
    items = np.array(pool, dtype=np.int32)
    bound = rules_of(*rules).bind(SHELF, CATALOGUE)
    scores = np.arange(len(items), 0, -1, dtype=np.float64)
    return items[bound.arrange(items, scores, circumstances, bits, T0, limit).places].tolist()  # type: ignore[no-any-return]


class TestActions:
    def test_without_rules_the_order_is_that_of_the_scores_and_equal_ones_stay_as_they_come(self) -> None:
        bound = rules_of().bind(SHELF, CATALOGUE)
        scores = np.array([1.0, 3.0, 3.0, 2.0, 3.0])
        assert bound.arrange(POOL[:5], scores, HOME, 0, T0, 4).places == [1, 2, 4, 3]

    def test_drop_takes_away_what_matches_and_keep_all_else(self) -> None:
        condition = {"items": {"category": ["d1", "leaf3"]}}
        matching = [n for n in range(SIZE) if n % 8 and (n % 5 == 1 or n % 7 == 3)]
        assert shown(condition | {"filter": "keep"}, limit=30) == matching
        assert shown(condition | {"filter": "drop"}, limit=30) == [n for n in range(SIZE) if n not in matching]

    @pytest.mark.parametrize(
        "condition, expected",
        [
            ({"brand": ["b1"]}, [n for n in range(SIZE) if n % 4 == 1 and n % 6]),
            ({"ids": ["p3", "p7", "gone"]}, [3, 7]),
            ({"price": {"below": 3.99}}, [0, 1, 2]),
            ({"price": {"above": 27.99}}, [28, 29]),
            ({"price": {"between": [3.99, 5.99]}}, [3, 4, 5]),
            ({"price": {"above": 3.99}, "ids": ["p3", "p4"]}, [4]),
            ({"newer_than_days": 4}, [1, 2, 3]),
        ],
    )
    def test_conditions_are_all_asked_for(self, condition: dict[str, Any], expected: list[int]) -> None:
        assert shown({"items": condition, "filter": "keep"}, limit=30) == expected
        assert shown({"items": condition, "filter": "drop"}, limit=30) == [n for n in range(SIZE) if n not in expected]

    def test_boost_multiplies_the_share_of_attention_whatever_the_scale_of_the_scores(self) -> None:
        bound = rules_of({"items": {"ids": ["p2"]}, "boost": 2}).bind(SHELF, CATALOGUE)
        for scale, shift in ((1.0, 0.0), (1e-6, -5.0), (1e6, -3e7)):
            scores = np.array([0.3, -0.1, 0.0, -0.4]) * scale + shift
            after = bound.arrange(POOL[:4], scores, HOME, 0, T0, 4, explain=True).scores
            assert after is not None
            gain = np.exp((after - scores) / scores.std())
            assert gain == pytest.approx([1, 1, 2, 1])

    def test_bury_pushes_down_and_what_is_boosted_as_much_comes_back(self) -> None:
        condition = {"items": {"ids": ["p0"]}}
        assert shown(condition | {"bury": 0.01})[0] == 1
        assert shown(condition | {"bury": 0.5}, condition | {"boost": 2}) == list(range(10))

    def test_freshness_helps_the_new_and_not_what_is_of_unknown_age(self) -> None:
        bound = rules_of({"freshness": {"half_life_days": 1, "weight": 2}}).bind(SHELF, CATALOGUE)
        after = bound.arrange(POOL[:4], np.zeros(4), HOME, 0, T0, 4, explain=True).scores
        assert after is not None and after.tolist() == pytest.approx([0, 1, 0.5, 0.25])
        future = bound.arrange(POOL[:4], np.zeros(4), HOME, 0, T0 - 90 * DAY_MS, 4, explain=True).scores
        assert future is not None and future.tolist() == pytest.approx([0, 2, 2, 2])

    def test_pins_stand_where_they_are_wanted_and_those_that_may_not_be_shown_are_passed_over(self) -> None:
        pin = {"pin": {"items": ["p20", "gone", "p29", "p21"], "position": 2}}
        assert shown(pin, pool=range(25)) == [0, 20, 21, 1, 2, 3, 4, 5, 6, 7]
        assert shown(pin, {"items": {"ids": ["p20"]}, "filter": "drop"})[:4] == [0, 29, 21, 1]

    def test_of_two_pins_for_one_place_the_more_important_has_it(self) -> None:
        first = {"pin": {"items": ["p20"], "position": 1}}
        second = {"pin": {"items": ["p21", "p20"], "position": 1}}
        assert shown(first, second)[:3] == [20, 21, 0]
        assert shown(first, second | {"priority": 1})[:3] == [21, 20, 0]

    def test_a_pin_beyond_a_short_list_stands_at_its_end(self) -> None:
        assert shown({"pin": {"items": ["p1"], "position": 9}}, pool=[0, 1, 2]) == [0, 2, 1]
        assert shown({"pin": {"items": ["p1"], "position": 9}}, pool=[0, 1, 2], limit=2) == [0, 1]

    def test_a_cap_holds_within_its_places_and_what_had_to_wait_comes_right_after(self) -> None:
        cap = {"cap": {"by": "brand", "at_most": 1, "within": 3}}
        # brands: 0 none, 1 b1, 2 b2, 3 b3, 4 b0, 5 b1, 6 none
        assert shown(cap, pool=[1, 5, 9, 2, 3, 4], limit=6) == [1, 2, 3, 5, 9, 4]

    def test_a_cap_is_hard_the_list_ends_where_nothing_fits(self) -> None:
        assert shown({"cap": {"by": "brand", "at_most": 1}}, pool=[1, 5, 9, 2]) == [1, 2]

    def test_a_cap_does_not_count_what_has_no_brand_or_does_not_match(self) -> None:
        assert shown({"cap": {"by": "brand", "at_most": 1}}, pool=[0, 6, 12, 18], limit=9) == [0, 6, 12, 18]
        cap = {"cap": {"by": "brand", "at_most": 1}, "items": {"ids": ["p5", "p9"]}}
        assert shown(cap, pool=[1, 5, 9, 13], limit=9) == [1, 5, 13]

    def test_pins_count_towards_caps_and_are_not_bound_by_them(self) -> None:
        pin = {"pin": {"items": ["p5", "p9"], "position": 3}}
        assert shown(pin, {"cap": {"by": "brand", "at_most": 1}}, pool=[1, 2, 3, 5, 9]) == [2, 3, 5, 9]

    def test_diversify_spreads_kinds_and_counts_pins(self) -> None:
        diversify = {"diversify": {"by": "brand", "strength": 3}}
        assert shown(diversify, pool=[1, 5, 9, 2, 3], limit=4) == [1, 2, 3, 5]
        pin = {"pin": {"items": ["p13"], "position": 1}}
        assert shown(diversify, pin, pool=[1, 2, 3, 13], limit=4) == [13, 2, 3, 1]

    def test_only_the_most_important_diversify_counts(self) -> None:
        by_brand, by_group = ({"diversify": {"by": by, "strength": 3}} for by in ("brand", "group"))
        pool = [1, 5, 9, 2, 3]
        assert shown(by_brand, by_group, pool=pool) == shown(by_brand, pool=pool) != shown(by_group, pool=pool)
        assert shown(by_brand, by_group | {"priority": 1}, pool=pool) == shown(by_group, pool=pool)

    def test_rules_are_for_their_audience_only(self) -> None:
        drop = {"items": {"ids": ["p0"]}, "filter": "drop", "audience": {"segments": {"any": ["b"]}, "slots": ["home"]}}
        assert shown(drop, bits=1 << 9)[0] == 1
        assert shown(drop, bits=1)[0] == 0 and shown(drop, bits=1 << 9, circumstances=Circumstances("cart"))[0] == 0

    def test_scores_that_are_no_numbers_do_no_harm(self) -> None:
        bound = rules_of({"items": {"ids": ["p1"]}, "boost": 1.1}).bind(SHELF, CATALOGUE)
        scores = np.array([math.nan, 1.0, math.inf, 2.0, -math.inf])
        assert bound.arrange(POOL[:5], scores, HOME, 0, T0, 5).places == [2, 3, 1, 0, 4]
        assert sorted(bound.arrange(POOL[:2], np.array([math.nan] * 2), HOME, 0, T0, 5).places) == [0, 1]
        assert bound.arrange(POOL[:0], scores[:0], HOME, 0, T0, 5).places == []


class TestBound:
    def test_pins_are_told_to_the_caller_in_order_if_they_are_to_be_had(self) -> None:
        items = [msgspec.structs.replace(Item(f"p{n}"), available=n != 2) for n in range(4)]
        none = np.full((4, 1), NOTHING, dtype=np.int32)
        shelf = Shelf.from_items(items, np.ones(4, np.float32), none, np.zeros((4, 1), np.float32))
        rules = rules_of(
            {"pin": {"items": ["p3", "p2", "gone", "p1"]}},
            {"pin": {"items": ["p1", "p0"]}, "audience": {"segments": {"any": ["a"]}}},
        )
        bound = rules.bind(shelf, CATALOGUE)
        assert bound.pins(HOME, 0, T0) == [3, 1] and bound.pins(HOME, 1, T0) == [3, 1, 0]
        assert rules_of().bind(shelf, CATALOGUE).pins(HOME, 1, T0) == []

    def test_the_segments_that_matter_are_known(self) -> None:
        drop = {"items": {"ids": ["p0"]}, "filter": "drop"}
        bound = rules_of(drop, drop | {"audience": {"segments": {"none": ["b"]}}}).bind(SHELF, CATALOGUE)
        assert bound.bits_that_matter == 1 << 9

    def test_explaining_names_the_rules_that_touched_an_item_and_changes_nothing(self) -> None:
        rules = rules_of(
            {"items": {"ids": ["p0"]}, "filter": "drop"},
            {"items": {"ids": ["p1", "p2"]}, "boost": 1.2},
            {"pin": {"items": ["p4"], "position": 2}},
            {"cap": {"by": "brand", "at_most": 1, "within": 3}},
            {"items": {"ids": ["p1"]}, "boost": 2, "audience": {"slots": ["other"]}},
        )
        bound = rules.bind(SHELF, CATALOGUE)
        pool, scores = np.array([0, 1, 2, 3, 4, 5], dtype=np.int32), np.arange(6, 0, -1, dtype=np.float64)
        told = bound.arrange(pool, scores, HOME, 0, T0, 4, explain=True)
        assert told.places == bound.arrange(pool, scores, HOME, 0, T0, 4).places == [1, 4, 2, 3]
        assert told.touched == {0: ("r0",), 1: ("r1",), 2: ("r1",), 4: ("r2",)}
        assert bound.arrange(pool, scores, HOME, 0, T0, 4).touched == {}

    def test_rules_in_every_number_fit_into_their_bits(self) -> None:
        for count in (1, 7, 8, 9, 17):
            rules = [{"items": {"ids": [f"p{n}"]}, "filter": "drop"} for n in range(count)]
            assert shown(*rules, limit=30) == list(range(count, SIZE))

    def test_an_empty_shelf_can_be_bound(self) -> None:
        empty = np.empty((0, 1))
        shelf = Shelf.from_items([], np.empty(0, np.float32), empty.astype(np.int32), empty.astype(np.float32))
        bound = rules_of({"items": {"brand": ["b"]}, "boost": 2}, {"cap": {"by": "category", "at_most": 1}}).bind(
            shelf, CATALOGUE
        )
        assert bound.arrange(POOL[:0], FALLING[:0], HOME, 0, T0, 5).places == []


ids = st.lists(st.sampled_from([f"p{n}" for n in range(SIZE + 2)]), min_size=1, max_size=4, unique=True)
conditions = st.fixed_dictionaries(
    {},
    optional={
        "category": st.lists(st.sampled_from(["d0", "d1", "d2-0", "leaf3", "x"]), min_size=1, max_size=2),
        "brand": st.lists(st.sampled_from(["b0", "b1", "b2"]), min_size=1, max_size=2),
        "price": st.sampled_from(
            [{"below": 12.99}, {"above": 7.99}, {"between": [5.99, 20.99]}, {"between": [0, 0.99]}]
        ),
        "ids": ids,
        "newer_than_days": st.integers(1, 30),
    },
).filter(bool)
by = st.sampled_from(["category", "group", "brand"])
actions = st.one_of(
    st.builds(
        lambda items, kind: {"items": items, "filter": kind}, conditions, st.sampled_from(["drop", "drop", "keep"])
    ),
    st.builds(lambda items, factor: {"items": items, "boost": factor}, conditions, st.sampled_from([1.5, 2.0, 8.0])),
    st.builds(lambda items, factor: {"items": items, "bury": factor}, conditions, st.sampled_from([0.1, 0.5])),
    st.builds(lambda items, position: {"pin": {"items": items, "position": position}}, ids, st.integers(1, 12)),
    st.builds(lambda by, most: {"cap": {"by": by, "at_most": most}}, by, st.integers(1, 3)),
    st.builds(lambda by, n: {"cap": {"by": by, "at_most": 1 + n % 2, "within": n}}, by, st.integers(1, 8)),
    st.builds(lambda items, by: {"items": items, "cap": {"by": by, "at_most": 1}}, conditions, by),
    st.builds(lambda by, n: {"diversify": {"by": by, "strength": n / 8 + 0.0137}}, by, st.integers(1, 23)),
    st.builds(lambda days: {"freshness": {"half_life_days": days}}, st.integers(1, 20)),
)
audiences = st.sampled_from(
    [
        {},
        {},
        {},
        {"segments": {"any": ["a"]}},
        {"slots": ["cart"]},
        {"context": {"device": ["phone"]}},
        {"until": "2025-01-01"},
    ]
)
some_rules = st.lists(
    st.builds(
        lambda action, audience, n: {**action, "audience": audience, "priority": n},
        actions,
        audiences,
        st.integers(0, 2),
    ),
    max_size=7,
)
pools = st.lists(st.integers(0, SIZE - 1), max_size=SIZE, unique=True)
random_scores = st.lists(st.integers(-20, 20).map(lambda n: n + math.sin(n)), min_size=SIZE, max_size=SIZE)
"""Equal ones come; sums that happen to be equal but for their last digit do not."""
requests = (some_rules, pools, random_scores, st.integers(1, 14), st.integers(0, 1))

Arrange = Callable[[BoundRules, Any, Any, int, int], list[int]]


def arrange(bound: BoundRules, pool: Any, scores: Any, bits: int, limit: int) -> list[int]:
    return bound.arrange(pool, scores, HOME, bits, T0, limit).places


def check(arrange: Arrange, rules: RuleSet, pool: list[int], scores: list[float], limit: int, bits: int) -> None:
    """The list is what the plain way makes, and breaks no promise."""
    items = np.array(pool, dtype=np.int32)
    places = arrange(rules.bind(SHELF, CATALOGUE), items, np.array(scores[: len(pool)]), bits, limit)
    found = [pool[place] for place in places]
    plain = Plain(rules.rules, SHELF, CATALOGUE, pool, HOME, bits, T0)
    assert plain.broken(found, limit) == []
    assert found == (plain.arranged(scores[: len(pool)], limit) if pool else [])


@settings(max_examples=300, deadline=None)
@given(*requests)
def test_any_rules_do_what_the_plain_way_does(
    rules: list[dict[str, Any]], pool: list[int], scores: list[float], limit: int, bits: int
) -> None:
    check(arrange, rules_of(*rules), pool, scores, limit, bits)


@settings(max_examples=100, deadline=None)
@given(*requests)
def test_a_request_is_not_changed_by_others_before_it(
    rules: list[dict[str, Any]], pool: list[int], scores: list[float], limit: int, bits: int
) -> None:
    bound, items = rules_of(*rules).bind(SHELF, CATALOGUE), np.array(pool, dtype=np.int32)
    given_scores = np.array(scores[: len(pool)])
    first = bound.arrange(items, given_scores, HOME, bits, T0, limit, explain=True)
    bound.arrange(POOL, FALLING, HOME, 1 - bits, T0 + DAY_MS, 5)
    again = bound.arrange(items, given_scores, HOME, bits, T0, limit, explain=True)
    assert (first.places, first.touched) == (again.places, again.touched)
    assert given_scores.tolist() == scores[: len(pool)] and items.tolist() == pool


class TestMutants:
    """Ways to get it wrong, each of which the check above must catch."""

    RULES = rules_of(
        {"items": {"brand": ["b3"]}, "filter": "drop"},
        {"pin": {"items": ["p20"], "position": 3}},
        {"cap": {"by": "brand", "at_most": 1, "within": 4}},
    )
    POOL = (1, 5, 9, 3, 2, 4, 6, 20)

    def caught(self, arrange: Arrange) -> str:
        with pytest.raises(AssertionError) as found:
            check(arrange, self.RULES, list(self.POOL), FALLING.tolist(), 6, 0)
        return str(found.value)

    def test_the_original_is_not_caught(self) -> None:
        check(arrange, self.RULES, list(self.POOL), FALLING.tolist(), 6, 0)

    @pytest.mark.parametrize(
        "action, told", [("filter", "a filtered item"), ("pin", "a pin elsewhere"), ("cap", "a cap exceeded")]
    )
    def test_an_action_that_is_not_applied_is_caught(self, action: str, told: str) -> None:
        others = RuleSet(tuple(rule for rule in self.RULES.all if rule.action != action)).bind(SHELF, CATALOGUE)
        assert told in self.caught(lambda _bound, *rest: arrange(others, *rest))

    def test_the_same_item_twice_and_a_list_too_long_are_caught(self) -> None:
        assert "an item twice" in self.caught(lambda *given: [*arrange(*given)[:3], arrange(*given)[0]])
        assert "too many" in self.caught(lambda bound, p, s, b, limit: arrange(bound, p, s, b, limit + 1))

    def test_another_order_of_the_rest_is_caught(self) -> None:
        def swapped(*given: Any) -> list[int]:
            places = arrange(*given)
            return [places[1], places[0], *places[2:]]

        self.caught(swapped)

    def test_an_item_from_elsewhere_is_caught(self) -> None:
        plain = Plain(self.RULES.rules, SHELF, CATALOGUE, list(self.POOL), HOME, 0, T0)
        assert "an item that is not in the pool" in plain.broken([29], 6)
