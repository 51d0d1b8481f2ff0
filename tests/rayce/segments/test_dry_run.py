"""Dry runs: who would enter and leave equals what evaluating everybody's next trigger event gives."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from rayce.profile import Profile
from rayce.segments.catalogue import parse_catalogue
from rayce.segments.dry_run import DryRun, Trial, dry_run
from tests.samples import T0, event, folded, histories

LIVE = parse_catalogue("""
version: 1
segments:
  - {name: buyer, bit: 0, kind: rule, triggers: [purchase], when: {feature: purchases, ge: 1}}
  - {name: gone, bit: 1, kind: batch}
""")
NEW = parse_catalogue("""
version: 2
segments:
  - {name: buyer, bit: 0, kind: rule, triggers: [purchase], when: {feature: purchases, ge: 2}}
  - {name: german, bit: 2, kind: rule, triggers: [view], when: {all: [{feature: country, eq: DE}, {in_segment: chosen}]}}
  - {name: here, bit: 3, kind: rule, triggers: [view], ttl_s: 600, when: {feature: events, ge: 1}}
  - {name: chosen, bit: 4, kind: batch}
  - {name: likely, bit: 5, kind: model, triggers: [view], model: buys, threshold: 0.5}
retired_bits: [1]
""")
NOW_MS = T0 + 700_000


class Views:
    features = ("views",)

    def score_one(self, row: list[float]) -> float:
        return row[0] / 4


def people() -> list[Profile]:
    one = replace(folded(event("purchase", "p1"), event("purchase", "p2", at=T0 + 1)), flags=0b10001)
    two = replace(folded(event("purchase", "p1", who=2)), flags=0b10011)
    three = folded(event("view", who=3, at=T0 + 200_000, context={"country": "DE"}))
    four = replace(folded(event("view", who=4, context={"country": "DE"})), flags=0b110000, short_lived=((3, 9),))
    return [one, two, three, four]


def row(found: DryRun, name: str) -> Trial:
    (found_row,) = [each for each in found.segments if each.name == name]
    return found_row


def test_who_would_enter_and_who_would_leave() -> None:
    found = dry_run(people(), LIVE, NEW, lambda tenant: {"buys": Views()}, NOW_MS)  # type: ignore[arg-type,return-value]
    assert found.people == 4
    assert row(found, "buyer") == Trial("buyer", 0, "rule", 2, 1, 0, 1)
    assert row(found, "german") == Trial("german", 2, "rule", 0, 1, 1, 0)
    assert row(found, "here") == Trial("here", 3, "rule", 0, 1, 1, 0), "whose last event is less than 600 s ago"
    assert row(found, "chosen") == Trial("chosen", 4, "batch", 3, 3, 0, 0, "set by jobs: as they are")
    assert row(found, "likely") == Trial("likely", 5, "model", 1, 0, 0, 1)
    assert row(found, "gone") == Trial("gone", 1, "batch", 1, 0, 0, 1, "not in the new catalogue")


def test_overlaps_are_of_those_who_would_be_members() -> None:
    found = dry_run(people(), LIVE, NEW, lambda tenant: {}, NOW_MS)  # type: ignore[arg-type,return-value]
    overlaps = {(o.one, o.other): (o.users, o.jaccard) for o in found.overlaps}
    assert overlaps == {
        ("chosen", "likely"): (1, 0.333333),
        ("german", "likely"): (1, 1.0),
        ("german", "chosen"): (1, 0.333333),
        ("buyer", "chosen"): (1, 0.333333),
    }
    assert [o.jaccard for o in found.overlaps] == sorted((o.jaccard for o in found.overlaps), reverse=True)


def test_without_its_model_a_segment_stays_as_it_is_and_says_so() -> None:
    found = dry_run(people(), LIVE, NEW, lambda tenant: {}, NOW_MS)  # type: ignore[arg-type,return-value]
    assert row(found, "likely") == Trial("likely", 5, "model", 1, 1, 0, 0, "no model `buys` for 4: as they are")


def test_nobody_and_no_segments_are_no_matter() -> None:
    empty = parse_catalogue("version: 1\nsegments: []")
    assert dry_run([], LIVE, NEW, lambda tenant: {}, NOW_MS).overlaps == []  # type: ignore[arg-type,return-value]
    assert dry_run(people(), empty, empty, lambda tenant: {}, NOW_MS).segments == []  # type: ignore[arg-type,return-value]


@settings(max_examples=30)
@given(st.lists(histories(people=1, most=8), max_size=4))
def test_rules_say_what_the_request_back_end_says(everybody: list[list[Any]]) -> None:
    profiles = [folded(*history) for history in everybody]
    found = dry_run(profiles, LIVE, NEW, lambda tenant: {}, NOW_MS)  # type: ignore[arg-type,return-value]
    for name in ("buyer", "german"):
        assert row(found, name).would_be == sum(NEW.tests[name](profile, NOW_MS) for profile in profiles)
