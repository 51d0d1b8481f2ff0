"""Decisions: a format that every version can read, who may be trained on, and exposures out of impressions."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rayce.circumstances import Circumstances
from rayce.consent import PERSONALIZATION, TRAINING
from rayce.decision import (
    VERSION,
    ArmOdds,
    Decision,
    ShownItem,
    decode_decision,
    encode_decision,
    hex_bits,
    impression_of,
    is_pooled,
)
from rayce.errors import InvalidInput
from tests.samples import T0, event

GOLDEN = Path(__file__).parent / "golden" / "decision.v1.jsonl"
ID = "019b76da-a800-7000-8000-000000000000"
ADA = "k1:00000000000000000000000000000001"

SLOT = Decision(
    version=VERSION,
    decision_id=ID,
    kind="slot",
    tenant="shop",
    at_ms=T0,
    person=ADA,
    purposes=3,
    slot="hero",
    context={"country": "DE", "device": "phone"},
    bits="9",
    policy_id="slots:3-5f0c2a9e",
    rule="test",
    experiment="hero_test",
    arm="sale",
    variant="sale",
    arms=(ArmOdds("plain", "plain", 0.25), ArmOdds("sale", "sale", 0.75)),
    propensity=0.75,
    generations={"slots": 4},
    rung="live",
)
RECOMMENDATION = Decision(
    version=VERSION,
    decision_id=ID,
    kind="recommendation",
    tenant="shop",
    at_ms=T0,
    policy_id="rules:1-aa",
    propensity=0.05,
    shown=(ShownItem("p1", 0.5, "session"), ShownItem("p9", -1.25, "new", True)),
    pool=(("p1", 0.5), ("p2", 0.25), ("p9", -1.25)),
    generations={"ranker": 2, "shelf": 7},
    rung="live",
)
IMPRESSION = Decision(
    version=VERSION,
    decision_id=ID,
    kind="impression",
    tenant="shop",
    at_ms=T0,
    person=ADA,
    purposes=1,
    slot="hero",
    variant="sale",
    event_id="e1",
)
EXAMPLES = [SLOT, RECOMMENDATION, IMPRESSION]


def test_the_golden_file_still_decodes_and_is_what_is_written() -> None:
    lines = GOLDEN.read_bytes().splitlines()
    assert [decode_decision(line) for line in lines] == EXAMPLES
    assert [encode_decision(one) for one in EXAMPLES] == lines


def test_the_version_is_always_written() -> None:
    for line in GOLDEN.read_bytes().splitlines():
        assert msgspec.json.decode(line)["version"] == VERSION


def test_fields_of_a_later_version_are_passed_over() -> None:
    later = msgspec.json.encode({**msgspec.json.decode(encode_decision(SLOT)), "version": 2, "mood": "new"})
    assert replace(decode_decision(later), version=VERSION) == SLOT


@given(st.binary(max_size=60) | st.dictionaries(st.text(), st.integers()).map(msgspec.json.encode))
def test_what_is_no_decision_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_decision(data)


@pytest.mark.parametrize("change", [{"propensity": 1.5}, {"bits": "xyz"}, {"kind": "guess"}, {"decision_id": None}])
def test_what_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        decode_decision(msgspec.json.encode({**msgspec.json.decode(encode_decision(SLOT)), **change}))


def test_circumstances_and_flags_are_as_rules_look_at_them() -> None:
    assert SLOT.circumstances == Circumstances("hero", (("country", "DE"), ("device", "phone")))
    assert SLOT.flags == 0b1001
    assert RECOMMENDATION.flags == 0


@given(st.integers(0, 2**4096))
def test_bits_of_any_catalogue_come_back(flags: int) -> None:
    assert decode_decision(encode_decision(replace(SLOT, bits=hex_bits(flags)))).flags == flags


def test_nobody_may_be_trained_on_who_does_not_allow_it() -> None:
    assert SLOT.trainable and RECOMMENDATION.trainable
    assert not replace(SLOT, purposes=PERSONALIZATION).trainable
    assert not replace(SLOT, context={"gpc": "1"}).trainable
    assert not replace(RECOMMENDATION, context={"gpc": "1"}).trainable
    assert replace(SLOT, purposes=TRAINING).trainable


def test_one_in_so_many_tells_its_pool_and_always_the_same() -> None:
    ids = [f"{n:032x}" for n in range(20_000)]
    assert sum(is_pooled(one, 100) for one in ids) == pytest.approx(200, abs=60)
    assert all(is_pooled(one, 1) for one in ids[:100])
    assert not any(is_pooled(one, 0) for one in ids[:100])


def test_an_impression_that_names_a_decision_is_an_exposure_to_it() -> None:
    seen = event(
        "impression", "p1", properties={"decision_id": ID.upper(), "variant": "sale"}, context={"slot": "hero"}
    )
    exposure = impression_of(seen)
    assert exposure is not None
    assert (exposure.kind, exposure.decision_id, exposure.slot, exposure.variant) == ("impression", ID, "hero", "sale")
    assert (exposure.person, exposure.event_id, exposure.at_ms) == (seen.person, seen.event_id, seen.timestamp_ms)
    assert exposure.shown == (ShownItem("p1"),)
    assert decode_decision(encode_decision(exposure)) == exposure


@pytest.mark.parametrize("named", [None, "", "ada@example.com", 7, True, f"{ID}x", f"{ID}\n"])
def test_any_other_impression_is_none(named: Any) -> None:
    assert impression_of(event("impression", "p1", properties={"decision_id": named})) is None
    assert impression_of(event("click", "p1", properties={"decision_id": ID})) is None
