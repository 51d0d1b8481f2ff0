"""Audiences: each part is asked for, what cannot be is named, and a window means what a marketer reads."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.circumstances import Circumstances, words
from rayce.context import FEATURES
from rayce.errors import InvalidDocument
from rayce.rules.audience import Audience
from rayce.rules.known_words import KNOWN_WORDS
from rayce.segments.catalogue import parse_catalogue
from rayce.yaml_tree import read_yaml

CATALOGUE = parse_catalogue(
    "version: 1\nsegments: [{name: a, bit: 0, kind: batch}, {name: b, bit: 3, kind: batch}, {name: c, bit: 70, kind: batch}]"
)
A, B, C = 1, 1 << 3, 1 << 70
HOME = Circumstances("home", words({"device": "phone", "country": "NO"}))


def audience(text: str) -> Audience:
    return read_yaml(text, Audience)


def at(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def holds(text: str, circumstances: Circumstances = HOME, bits: int = 0, now_ms: int = 0) -> bool:
    checked = audience(text)
    checked.check("audience", CATALOGUE)
    return checked.compile(CATALOGUE)(circumstances, bits, now_ms)


def test_an_empty_audience_is_everybody_anywhere_and_always() -> None:
    assert holds("{}") and holds("{}", Circumstances(), C, 2**50)


@pytest.mark.parametrize(
    "text, bits, expected",
    [
        ("segments: {any: [a, c]}", A, True),
        ("segments: {any: [a, c]}", C | B, True),
        ("segments: {any: [a, c]}", B, False),
        ("segments: {all: [a, b]}", A | B | C, True),
        ("segments: {all: [a, b]}", A, False),
        ("segments: {none: [c]}", A | B, True),
        ("segments: {none: [c]}", C, False),
        ("segments: {any: [a], none: [b]}", A | B, False),
    ],
)
def test_segments_are_asked_for(text: str, bits: int, expected: bool) -> None:
    assert holds(text, bits=bits) is expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("slots: [home, cart]", True),
        ("slots: [cart]", False),
        ("context: {device: [phone]}", True),
        ("context: {device: [desktop, tablet]}", False),
        ("context: {country: [NO, SE], device: [phone]}", True),
        ("context: {country: [NO], device: [tablet]}", False),
        ("context: {language: [en]}", False),
    ],
)
def test_slot_and_context_are_asked_for_and_what_is_not_known_matches_nothing(text: str, expected: bool) -> None:
    assert holds(text) is expected


def test_a_date_until_which_it_goes_still_counts_and_the_zone_does_too() -> None:
    text = "{from: 2026-11-27, until: 2026-11-30, zone: Europe/Berlin}"
    zone = "Europe/Berlin"
    assert not holds(text, now_ms=at("2026-11-27", zone) - 1) and holds(text, now_ms=at("2026-11-27", zone))
    assert holds(text, now_ms=at("2026-12-01", zone) - 1) and not holds(text, now_ms=at("2026-12-01", zone))


def test_moments_are_local_unless_they_say_otherwise() -> None:
    local = "{until: '2026-06-01T12:00', zone: America/New_York}"
    assert holds(local, now_ms=at("2026-06-01T16:00") - 1) and not holds(local, now_ms=at("2026-06-01T16:00"))
    absolute = "{until: 2026-06-01T12:00:00Z, zone: America/New_York}"
    assert holds(absolute, now_ms=at("2026-06-01T12:00") - 1) and not holds(absolute, now_ms=at("2026-06-01T12:00"))


@pytest.mark.parametrize(
    "moment, expected",
    [
        ("2026-11-27T08:59", False),  # a Friday
        ("2026-11-27T09:00", True),
        ("2026-11-27T17:59:59", True),
        ("2026-11-27T18:00", False),
        ("2026-11-27T22:00", True),
        ("2026-11-28T01:59", True),  # Friday's night goes on
        ("2026-11-28T02:00", False),
        ("2026-11-28T10:00", False),
        ("2026-11-29T23:00", True),  # a Sunday, its night goes on into the week
        ("2026-11-30T01:00", True),
        ("2026-11-30T10:00", False),
    ],
)
def test_days_and_hours_are_of_the_zone_and_nights_belong_to_the_day_they_began_on(moment: str, expected: bool) -> None:
    text = "{days: [fri, sun], hours: [9:00-18:00, '22:00-2:00'], zone: Asia/Tokyo}"
    assert holds(text, now_ms=at(moment, "Asia/Tokyo")) is expected


def test_hours_follow_the_clock_over_the_change_to_summer_time() -> None:
    text = "{hours: [9:00-10:00], zone: Europe/Berlin}"
    for day in ("2026-03-28", "2026-03-29", "2026-07-01"):
        assert holds(text, now_ms=at(f"{day}T09:30", "Europe/Berlin"))
        assert not holds(text, now_ms=at(f"{day}T10:30", "Europe/Berlin"))


@pytest.mark.parametrize(
    "text, key, value",
    [
        ("segments: {any: [nobody]}", "audience.segments.any[0]", "nobody"),
        ("segments: {none: [a, nobody]}", "audience.segments.none[1]", "nobody"),
        ("context: {hat: [red]}", "audience.context.hat", "hat"),
        ("context: {device: [phone, fridge]}", "audience.context.device[1]", "fridge"),
        ("context: {country: [Norway]}", "audience.context.country[0]", "Norway"),
        ("{from: 2026-12-02, until: 2026-12-01}", "audience.until", "2026-12-01"),
        ("from: tomorrow", "audience.from", "tomorrow"),
        ("from: 2026-13-01", "audience.from", "2026-13-01"),
        ("from: 2026-W01-1", "audience.from", "2026-W01-1"),
        ("zone: Mars/Olympus", "audience.zone", "Mars/Olympus"),
        ("zone: ../../etc/passwd", "audience.zone", "../../etc/passwd"),
        ("zone: Europe", "audience.zone", "Europe"),
        ("hours: [9-18]", "audience.hours[0]", "9-18"),
        ("hours: [9:00-18:00, 9:60-18:00]", "audience.hours[1]", "9:60-18:00"),
        ("hours: ['24:00-25:00']", "audience.hours[0]", "24:00-25:00"),
    ],
)
def test_what_cannot_be_is_named_by_key_and_value(text: str, key: str, value: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        audience(text).check("audience", CATALOGUE)
    assert (caught.value.key, caught.value.value) == (key, value) and key in str(caught.value)


@pytest.mark.parametrize(
    "text", ["slots: ['a b']", "days: [funday]", "segment: {}", "context: {device: []}", "hours: 9:00-10:00"]
)
def test_what_is_no_audience_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocument):
        audience(text)


def test_a_segment_that_the_catalogue_lost_has_no_members() -> None:
    """The rules that are live were checked against the catalogue of their day."""

    def lenient(text: str, bits: int) -> bool:
        checked = audience(text)
        checked.check("audience", None)
        return checked.compile(CATALOGUE)(HOME, bits, 0)

    everything = A | B | C
    assert not lenient("segments: {any: [gone]}", everything) and not lenient("segments: {all: [a, gone]}", everything)
    assert lenient("segments: {any: [gone, a]}", everything) and lenient("segments: {none: [gone]}", everything)


def test_an_audience_may_ask_for_every_context_feature_that_is_detected() -> None:
    assert set(KNOWN_WORDS) == set(FEATURES)


texts = st.text(max_size=30) | st.sampled_from(
    ["2026-01-01T00:00:00+99:99", "2199-12-31", "2026-01-01t1:00", "0:00-0:00"]
)


@given(texts, texts, texts, texts)
def test_any_window_is_compiled_or_refused(from_: str, until: str, zone: str, hours: str) -> None:
    given_parts: dict[str, Any] = {"from": from_, "until": until, "zone": zone, "hours": [hours]}
    for parts in ({name: value} for name, value in given_parts.items()):
        try:
            found = msgspec.convert(parts, Audience)
            found.check("audience", None)
        except (InvalidDocument, msgspec.ValidationError):
            continue
        assert found.compile(CATALOGUE)(HOME, 0, 1_800_000_000_000) in (True, False)
