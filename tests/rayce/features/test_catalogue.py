"""The catalogue of features: what it turns on, and that a mistake is named with file, key and value."""

from pathlib import Path

import pytest

from rayce.decay import DAY_MS
from rayce.errors import InvalidArtifact, InvalidCatalogue
from rayce.features.catalogue import load_features, parse_features
from rayce.features.feature_set import ALL, ALWAYS, OPTIONAL, FeatureSet
from rayce.fold import fold
from rayce.history import replay
from rayce.model import load_segment_model
from rayce.profile import Profile, encode_profile
from rayce.segments.catalogue import parse_catalogue
from tests.rayce.golden_history import golden_events
from tests.samples import person
from tests.trained import trained_on

EVENTS = [each for each in golden_events() if each.person == person(1)]


def text(*names: str) -> str:
    return f"version: 1\nfamilies: [{', '.join(names)}]\n"


def names_of(features: FeatureSet) -> list[str]:
    return [family.name for family in features.families]


def test_the_one_that_comes_with_rayce_turns_all_on() -> None:
    assert names_of(load_features()) == names_of(ALL)
    assert load_features().numbers.keys() == ALL.numbers.keys()


def test_what_is_always_on_need_not_be_named_and_may_be() -> None:
    always = [family.name for family in ALWAYS]
    assert names_of(parse_features(text())) == names_of(parse_features(text(*reversed(always)))) == always


def test_families_are_folded_in_one_order_whatever_the_file_says() -> None:
    names = [family.name for family in OPTIONAL]
    profiles = [
        [moment.after for moment in replay(EVENTS, {}, features=parse_features(text(*some)))][-1]
        for some in (names, names[::-1])
    ]
    assert encode_profile(profiles[0]) == encode_profile(profiles[1])


@pytest.mark.parametrize("name", [family.name for family in OPTIONAL])
def test_a_family_that_is_off_keeps_nothing_and_disturbs_no_other(name: str) -> None:
    without = parse_features(text(*(family.name for family in OPTIONAL if family.name != name)))
    some, all_on = Profile(), Profile()
    for event in EVENTS:
        some, all_on = fold(some, event, without), fold(all_on, event)
    assert name in all_on.states and name not in some.states
    del all_on.states[name]
    assert encode_profile(some) == encode_profile(all_on)


@pytest.mark.parametrize(
    ("source", "key", "value"),
    [
        (text("windows", "hat_size"), "families[1]", "hat_size"),
        (text("windows", "price", "windows"), "families[2]", "windows"),
        (text("cart", "cart"), "families[1]", "cart"),
        (text("7"), "families[0]", 7),
        ("version: 2\nfamilies: []\n", "version", 2),
        ("version: one\nfamilies: []\n", "version", "one"),
        ("version: 1\n", "", {"version": 1}),
        ("families: []\n", "", {"families": []}),
        ("version: 1\nfamilies: windows\n", "families", "windows"),
        ("version: 1\nfamilies: []\ncolour: red\n", "colour", "red"),
        ("- windows\n", "", ["windows"]),
        ("", "", None),
    ],
)
def test_a_mistake_is_named_with_file_key_and_value(tmp_path: Path, source: str, key: str, value: object) -> None:
    path = tmp_path / "features.yaml"
    path.write_text(source)
    with pytest.raises(InvalidCatalogue, match="features.yaml: ") as caught:
        load_features(path)
    assert (caught.value.key, caught.value.value) == (key, value)


@pytest.mark.parametrize(
    "content", [None, b"families: [", b"\xff\xfe\x00", b"version: !!int ''", b"a: &a [*a]", b"\x00"]
)
def test_what_is_no_catalogue_is_refused_naming_the_file(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "features.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidCatalogue, match=r"features\.yaml: "):
        load_features(path)


def test_an_unknown_name_says_which_are_known() -> None:
    with pytest.raises(InvalidCatalogue, match="known: activity, .*windows, decaying"):
        parse_features(text("window"))


RULE = """
version: 1
segments:
  - {name: a, bit: 1, kind: rule, triggers: [view], when: {all: [{feature: events, ge: 1}, {feature: %s, %s}]}}
"""


@pytest.mark.parametrize(("name", "comparison"), [("views_5m", "ge: 1"), ("top_brand", "eq: acme")])
def test_a_rule_that_reads_a_feature_that_is_off_is_refused(name: str, comparison: str) -> None:
    assert parse_catalogue(RULE % (name, comparison), ALL).segments
    with pytest.raises(InvalidCatalogue, match=name) as caught:
        parse_catalogue(RULE % (name, comparison), parse_features(text("price")))
    assert caught.value.key.startswith("segments[0].when.all[1]") and caught.value.value == name


def test_a_model_that_reads_a_feature_that_is_off_is_refused() -> None:
    files = trained_on("events", "views_5m")
    assert load_segment_model(files).features == ("events", "views_5m")
    assert load_segment_model(files, parse_features(text("windows"))).features
    with pytest.raises(InvalidArtifact, match="views_5m") as caught:
        load_segment_model(files, parse_features(text("decaying")))
    assert caught.value.key == "features" and caught.value.value == ["views_5m"]


def test_live_equals_batch_with_the_same_catalogue() -> None:
    features = parse_features(text("windows", "price"))
    live = Profile()
    for event in EVENTS:
        live = fold(live, event, features)
    *_, last = replay(EVENTS, {}, features=features)
    assert encode_profile(last.after) == encode_profile(live)
    assert live.last_ms - live.first_ms > DAY_MS and live.states.keys() == {"windows", "price"}
