"""The catalogue: what is wrong is named by key and value; the one that comes with rayce is sound."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidCatalogue
from rayce.segments.catalogue import MAX_BIT, MAX_TTL_S, load_catalogue, parse_catalogue

RULE = {"name": "buyer", "bit": 1, "kind": "rule", "triggers": ["purchase"], "when": {"feature": "purchases", "ge": 1}}
MODEL = {"name": "likely", "bit": 2, "kind": "model", "triggers": ["view"], "model": "buys"}


def text(*segments: dict[str, object], **more: object) -> str:
    return yaml.safe_dump({"version": 1, "segments": list(segments), **more})


def test_rayces_own_catalogue_loads_and_covers_rules_models_and_short_lived_ones() -> None:
    catalogue = load_catalogue()
    assert {segment.kind for segment in catalogue.segments} == {"rule", "model"}
    assert any(segment.ttl_s for segment in catalogue.segments)
    assert set(catalogue.names.values()) == {segment.name for segment in catalogue.segments}
    assert all(segment.description for segment in catalogue.segments)


def test_a_catalogue_knows_what_each_event_triggers() -> None:
    catalogue = parse_catalogue(text(RULE, MODEL))
    assert [segment.name for segment in catalogue.triggered["purchase"]] == ["buyer"]
    assert [segment.name for segment in catalogue.triggered["view"]] == ["likely"]
    assert catalogue.triggered["login"] == ()
    assert catalogue.models == ("buys",)


def test_the_version_changes_with_the_content_and_only_with_it() -> None:
    one, same = parse_catalogue(text(RULE)), parse_catalogue("# a comment\n" + text(RULE))
    other = parse_catalogue(text(RULE | {"when": {"feature": "purchases", "ge": 2}}))
    assert one.version == same.version != other.version


@pytest.mark.parametrize(
    "source, key, value",
    [
        (text(RULE, RULE | {"name": "other"}), "segments[1].bit", 1),
        (text(RULE, RULE | {"bit": 5}), "segments[1].name", "buyer"),
        (text(RULE, retired_bits=[1]), "segments[0].bit", 1),
        (text(RULE | {"bit": MAX_BIT + 1}), "segments[0].bit", MAX_BIT + 1),
        (text(RULE | {"bit": -1}), "segments[0].bit", -1),
        (text(RULE | {"name": "Buyer"}), "segments[0].name", "Buyer"),
        (text(RULE | {"kind": "batch"}), "segments[0].kind", "batch"),
        (text(RULE | {"triggers": []}), "segments[0].triggers", []),
        (text(RULE | {"triggers": ["bought"]}), "segments[0].triggers", "bought"),
        (text(RULE | {"triggers": ["consent_changed"]}), "segments[0].triggers", "consent_changed"),
        (text(RULE | {"when": None}), "segments[0].when", None),
        (text(RULE | {"when": {"feature": "hat_size", "ge": 1}}), "segments[0].when", "hat_size"),
        (text(RULE | {"model": "buys"}), "segments[0].model", "buys"),
        (text(MODEL | {"model": None}), "segments[0].model", None),
        (
            text(MODEL | {"when": {"feature": "purchases", "ge": 1}}),
            "segments[0].when",
            {"feature": "purchases", "ge": 1},
        ),
        (text(RULE | {"ttl_s": 0}), "segments[0].ttl_s", 0),
        (text(RULE | {"ttl_s": MAX_TTL_S + 1}), "segments[0].ttl_s", MAX_TTL_S + 1),
        (text(RULE | {"colour": "red"}), "segments[0].colour", "red"),
        (text(RULE, colour="red"), "colour", "red"),
    ],
)
def test_what_does_not_hold_together_is_named(source: str, key: str, value: object) -> None:
    with pytest.raises(InvalidCatalogue) as caught:
        parse_catalogue(source)
    assert (caught.value.key, caught.value.value) == (key, value)
    assert key in str(caught.value)


@pytest.mark.parametrize(
    "source", ["", "5", "[]", "{", "version: 1", "version: 1\nsegments: &a [*a]", "[" * 5000, "{1: 2}"]
)
def test_what_is_no_catalogue_at_all_is_refused(source: str) -> None:
    with pytest.raises(InvalidCatalogue):
        parse_catalogue(source)


@given(st.text(max_size=60))
def test_any_text_is_a_catalogue_or_refused(source: str) -> None:
    try:
        parse_catalogue(source)
    except InvalidCatalogue as error:
        assert str(error)


def test_the_file_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "segments.yaml"
    path.write_text(text(RULE | {"bit": -1}))
    with pytest.raises(InvalidCatalogue, match="segments.yaml"):
        load_catalogue(path)
    with pytest.raises(InvalidCatalogue, match="no-such"):
        load_catalogue(tmp_path / "no-such.yaml")
