"""The live catalogue: taken up by whoever polls, refused where a bit would change its meaning, and taken back."""

import pytest

from rayce.errors import InvalidArtifact, InvalidCatalogue, InvalidInput, Unavailable
from rayce.features.feature_set import FeatureSet
from rayce.generations import LiveGenerations
from rayce.live_catalogue import (
    KIND,
    NAME,
    LiveCatalogue,
    activate,
    activated,
    catalogue_parser,
    current_catalogue,
    roll_back,
)
from rayce.segments.catalogue import load_catalogue, parse_catalogue
from rayce.stores.memory import MemoryDurable

STARTER = parse_catalogue("version: 1\nsegments: [{name: a, bit: 0, kind: batch}]")
TWO = "version: 2\nsegments: [{name: a, bit: 0, kind: batch}, {name: b, bit: 1, kind: batch}]"
THREE = "version: 3\nsegments: [{name: a, bit: 0, kind: batch}]\nretired_bits: [1]"


def polling(durable: MemoryDurable) -> tuple[LiveGenerations, LiveCatalogue]:
    live = LiveGenerations(durable, {KIND: catalogue_parser()}, 60)
    return live, LiveCatalogue(live, STARTER)


def test_the_file_of_the_settings_counts_until_something_is_activated() -> None:
    durable = MemoryDurable()
    live, catalogue = polling(durable)
    live.refresh()
    assert catalogue.current is catalogue.certain() is STARTER
    assert activated(durable) is None and current_catalogue(durable, None).version == load_catalogue().version


def test_what_is_activated_is_taken_up_without_a_restart() -> None:
    durable = MemoryDurable()
    live, catalogue = polling(durable)
    done = activate(durable, TWO, STARTER, 1_000)
    assert catalogue.current is STARTER
    live.refresh()
    assert catalogue.current.version == catalogue.certain().version == done.catalogue.version
    assert current_catalogue(durable, None).version == done.catalogue.version
    found = activated(durable)
    assert found is not None and (found.number, found.manifest.activated_ms, found.manifest.before) == (1, 1_000, 0)


@pytest.mark.parametrize(
    "text",
    [
        "version: 2\nsegments: [{name: x, bit: 0, kind: batch}]",
        "version: 2\nsegments: []",
        "version: 2\nsegments: [{name: a, bit: zero, kind: batch}]",
    ],
)
def test_what_may_not_follow_changes_nothing(text: str) -> None:
    durable = MemoryDurable()
    with pytest.raises(InvalidCatalogue):
        activate(durable, text, STARTER, 0)
    assert activated(durable) is None and durable.numbers(NAME) == []


def test_one_way_back_leads_to_the_catalogue_before() -> None:
    durable = MemoryDurable()
    live, catalogue = polling(durable)
    for text in (TWO, THREE):
        activate(durable, text, STARTER, 0)
    assert roll_back(durable).number == 1
    live.refresh()
    assert "b" in catalogue.current.by_name
    with pytest.raises(InvalidInput, match="settings"):
        roll_back(durable)


def test_after_a_way_back_the_next_way_back_does_not_lead_to_what_was_taken_back() -> None:
    durable = MemoryDurable()
    for text in (TWO, THREE):
        activate(durable, text, STARTER, 0)
    roll_back(durable)
    four = TWO.replace("version: 2", "version: 4")
    assert activate(durable, four, STARTER, 0).manifest.before == 1
    assert roll_back(durable).number == 1


def test_activating_what_is_live_changes_nothing_and_leaves_the_way_back() -> None:
    durable = MemoryDurable()
    for text in (TWO, THREE, THREE, THREE, THREE):
        done = activate(durable, text, STARTER, 0)
    assert durable.numbers(NAME) == [1, 2] and done.number == 2
    assert roll_back(durable).number == 1


def test_without_an_activation_there_is_no_way_back() -> None:
    with pytest.raises(InvalidInput, match="nothing was activated"):
        roll_back(MemoryDurable())


def test_a_bit_keeps_its_meaning_over_a_way_back_and_over_pruned_generations() -> None:
    durable = MemoryDurable()
    activate(durable, TWO, STARTER, 0)
    activate(durable, TWO.replace("]", ", {name: c, bit: 2, kind: batch}]"), STARTER, 0)
    roll_back(durable)
    for version in range(10, 16):
        activate(durable, TWO.replace("version: 2", f"version: {version}"), STARTER, 0)
    with pytest.raises(InvalidCatalogue, match="`c`"):
        activate(durable, TWO.replace("]", ", {name: d, bit: 2, kind: batch}]"), STARTER, 0)


def test_who_writes_flags_waits_until_it_is_known_what_is_live() -> None:
    durable = MemoryDurable()
    activate(durable, TWO, STARTER, 0)
    durable.away = True
    live, catalogue = polling(durable)
    live.refresh()
    assert catalogue.current is STARTER
    with pytest.raises(Unavailable):
        catalogue.certain()
    durable.away = False
    live.refresh()
    assert "b" in catalogue.certain().by_name
    durable.away = True
    live.refresh()
    assert "b" in catalogue.certain().by_name, "what is known stays known"


def test_a_store_that_goes_away_later_does_not_make_the_settings_uncertain() -> None:
    durable = MemoryDurable()
    live, catalogue = polling(durable)
    live.refresh()
    durable.away = True
    live.refresh()
    assert catalogue.certain() is STARTER


def test_a_generation_that_is_no_catalogue_is_left_aside() -> None:
    durable = MemoryDurable()
    live, catalogue = polling(durable)
    durable.make_live(NAME, durable.publish(NAME, {"catalogue.yaml": b"version: 1\nsegments: 5"}))
    live.refresh()
    assert catalogue.current is STARTER and NAME in live.errors
    with pytest.raises(Unavailable, match="cannot be used"):
        catalogue.certain()
    with pytest.raises(InvalidArtifact):
        activated(durable)


def test_a_live_catalogue_whose_feature_is_off_now_can_be_replaced_and_taken_back() -> None:
    durable = MemoryDurable()
    without = FeatureSet([])
    wanting = TWO.replace("kind: batch}]", "kind: rule, triggers: [view], when: {feature: country, eq: DE}}]")
    activate(durable, TWO, STARTER, 0)
    activate(durable, wanting.replace("version: 2", "version: 3"), STARTER, 0)
    with pytest.raises(InvalidArtifact):
        activated(durable, without)
    with pytest.raises(InvalidCatalogue):
        activate(durable, wanting, STARTER, 0, without)
    assert activate(durable, TWO.replace("version: 2", "version: 4"), STARTER, 0, without).number == 3
    assert roll_back(durable).number == 2
    assert roll_back(durable, without).number == 1
