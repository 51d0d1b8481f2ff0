"""Deciding: the first rule that holds, experiments for people only, and odds that are the frequencies."""

from collections import Counter

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from rayce.segments.catalogue import parse_catalogue
from rayce.slots.book import BoundSlots, parse_slots
from rayce.slots.deciding import Choice, Step
from tests.rayce.slots.pages import CATALOGUE, HOME, NEW, VIP, at, people

NOW = 1_767_225_600_000
ADA = people(1)[0]


def book(text: str = HOME) -> BoundSlots:
    return parse_slots(text).bound(CATALOGUE)


def hero(slots: BoundSlots, bits: int = 0, person: str | None = ADA, **context: str) -> Choice:
    return slots.decide(at("hero", **context), bits, person, NOW)


def with_experiment(**change: object) -> str:
    tree = yaml.safe_load(HOME)
    tree["slots"][0]["experiments"][0].update(change)
    return yaml.safe_dump(tree)


def test_the_first_rule_whose_audience_holds_decides() -> None:
    chosen = hero(book(), VIP, device="phone")
    assert (chosen.variant, chosen.reason, chosen.rule, chosen.propensity) == ("club", "rule", "vips", 1.0)
    chosen = hero(book(), NEW, device="phone")
    assert (chosen.variant, chosen.rule) == ("sale", "phones")
    assert msgspec.json.decode(chosen.payload) == {"title": "Sale", "modules": ["a", "b"]}
    assert chosen.steps == (Step("vips", "audience"), Step("phones", "decided"))


def test_nobody_gets_what_circumstances_decide_and_is_in_no_experiment() -> None:
    assert hero(book(), person=None, device="phone").variant == "sale"
    chosen = hero(book(), person=None)
    assert (chosen.variant, chosen.reason, chosen.experiment, chosen.arm) == ("plain", "fallback", "", "")
    assert chosen.steps[-1] == Step("test", "nobody")


def test_a_slot_that_is_not_there_has_no_variant() -> None:
    chosen = book().decide(at("sidebar"), 0, ADA, NOW)
    assert (chosen.variant, bytes(chosen.payload), chosen.reason) == (None, b"null", "unknown")


def test_who_is_in_an_experiment_stays_there() -> None:
    chosen = hero(book())
    assert chosen.reason in ("experiment", "holdout") and chosen.experiment == "hero_test"
    for bits, browser in ((NEW, "firefox"), (0, "safari")):
        assert hero(book(), bits, browser=browser).arm == chosen.arm


def test_propensities_are_the_frequencies_and_the_holdout_gets_the_fallback() -> None:
    slots = book()
    found = [hero(slots, person=person) for person in people(20_000)]
    counts, odds = Counter(one.arm for one in found), {arm.arm: arm.propensity for arm in found[0].arms}
    assert odds == pytest.approx({"plain": 0.225, "sale": 0.675, "holdout": 0.1})
    assert all(one.propensity == odds[one.arm] for one in found)
    names = sorted(odds)
    expected = [odds[name] * len(found) for name in names]
    assert chisquare([counts[name] for name in names], expected).pvalue > 0.001
    wrong = [odds["plain"] * len(found), *expected[1:]]  # the holdout taken for as large as an arm
    scale = len(found) / sum(wrong)
    assert chisquare([counts[name] for name in names], [scale * one for one in wrong]).pvalue < 0.001
    assert {one.variant for one in found if one.reason == "holdout"} == {"plain"}


def test_everybody_and_nobody_held_out() -> None:
    for holdout, reason in ((1, "holdout"), (0, "experiment")):
        slots = book(with_experiment(holdout=holdout))
        assert {hero(slots, person=person).reason for person in people(200)} == {reason}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"enabled": False}, "experiment_off"),
        ({"audience": {"segments": {"any": ["vip"]}}}, "experiment_audience"),
        ({"audience": {"until": "2020-01-01"}}, "experiment_audience"),
        ({"layer": {"name": "front", "start": 0.0, "end": 0.0000001}}, "layer"),
    ],
)
def test_whom_an_experiment_does_not_take_the_next_rule_decides(change: dict[str, object], why: str) -> None:
    chosen = hero(book(with_experiment(**change)))
    assert (chosen.reason, chosen.steps[-1]) == ("fallback", Step("test", why))  # type: ignore[arg-type]


def test_the_kill_switch_gives_everybody_the_fallback() -> None:
    tree = yaml.safe_load(HOME)
    tree["slots"][0]["enabled"] = False
    chosen = hero(book(yaml.safe_dump(tree)), VIP)
    assert (chosen.variant, chosen.reason, chosen.steps) == ("plain", "off", ())


def test_a_rule_that_is_off_is_passed_over() -> None:
    tree = yaml.safe_load(HOME)
    tree["slots"][0]["rules"][0]["enabled"] = False
    assert hero(book(yaml.safe_dump(tree)), VIP, device="phone").rule == "phones"


def test_nobody_is_in_two_experiments_of_a_layer_and_each_has_its_part() -> None:
    slots = []
    for name, start, end in (("left", 0.0, 0.5), ("right", 0.5, 0.8)):
        experiment = {"name": name, "arms": [{"variant": "a"}], "layer": {"name": "l", "start": start, "end": end}}
        rule = {"name": "r", "experiment": name}
        slots.append(
            {"name": name, "fallback": "b", "variants": [{"name": "a"}, {"name": "b"}]}
            | {"rules": [rule], "experiments": [experiment]}
        )
    bound = book(yaml.safe_dump({"version": 1, "layers": [{"name": "l"}], "slots": slots}))
    found = Counter(
        tuple(bound.decide(at(name), 0, person, NOW).reason == "experiment" for name in ("left", "right"))
        for person in people(10_000)
    )
    assert (True, True) not in found
    assert found[True, False] / 10_000 == pytest.approx(0.5, abs=0.02)
    assert found[False, True] / 10_000 == pytest.approx(0.3, abs=0.02)


def test_a_segment_that_the_catalogue_has_lost_has_no_members() -> None:
    lost = parse_catalogue("version: 2\nsegments: [{name: new, bit: 3, kind: batch}]\nretired_bits: [0]")
    parsed = parse_slots(HOME)
    assert parsed.bound(lost).decide(at(device="phone"), VIP, ADA, NOW).rule == "phones"
    assert parsed.bound(CATALOGUE).decide(at(device="phone"), VIP, ADA, NOW).rule == "vips"
    assert parsed.bound(CATALOGUE) is parsed.bound(CATALOGUE)


@given(
    st.sampled_from(["hero", "footer"]),
    st.integers(0, 2**12),
    st.none() | st.integers(0, 999).map(lambda n: people(1, n)[0]),
    st.integers(0, 4 * 10**12),
    st.dictionaries(st.sampled_from(["device", "country"]), st.sampled_from(["phone", "DE"])),
)
def test_every_slot_always_has_a_variant_of_its_own_and_sane_odds(
    slot: str, bits: int, person: str | None, now_ms: int, context: dict[str, str]
) -> None:
    chosen = book().decide(at(slot, **context), bits, person, now_ms)
    assert chosen.variant in {"hero": ("plain", "sale", "club"), "footer": ("plain",)}[slot]
    assert 0 < chosen.propensity <= 1
    assert sum(arm.propensity for arm in chosen.arms) == pytest.approx(1 if chosen.arms else 0)
    assert (chosen.arm != "") == (chosen.reason in ("experiment", "holdout")) == bool(chosen.arms)
    assert person is not None or not chosen.arms
