"""The catalogue: what is wrong is named by key and value; the one that comes with rayce is sound."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rayce.errors import InvalidCatalogue
from rayce.profile import Profile
from rayce.segments.catalogue import MAX_BIT, MAX_TTL_S, load_catalogue, parse_catalogue
from rayce.segments.listing import Listing
from tests.rayce.segments.trees import comparisons, trees

RULE = {"name": "buyer", "bit": 1, "kind": "rule", "triggers": ["purchase"], "when": {"feature": "purchases", "ge": 1}}
BATCH = {"name": "chosen", "bit": 3, "kind": "batch"}
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


def test_a_catalogue_knows_which_segments_keep_a_list_of_members() -> None:
    catalogue = parse_catalogue(text(RULE | {"listed": True}, MODEL, BATCH | {"listed": True}))
    assert (catalogue.listed_bits, catalogue.listed_mask) == ((1, 3), 0b1010)
    assert catalogue.listing("shop") == Listing("shop", (1, 3))
    assert parse_catalogue(text(RULE, MODEL)).listing("shop") is None


def test_that_a_short_lived_segment_keeps_no_list_is_said_with_the_reason() -> None:
    with pytest.raises(InvalidCatalogue, match="`buyer` is short-lived: its members leave by time alone"):
        parse_catalogue(text(RULE | {"ttl_s": 60, "listed": True}))


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
        (text(RULE | {"kind": "magic"}), "segments[0].kind", "magic"),
        (text(BATCH | {"triggers": ["view"]}), "segments[0].triggers", ("view",)),
        (text(BATCH | {"when": RULE["when"]}), "segments[0].when", RULE["when"]),
        (text(BATCH | {"model": "buys"}), "segments[0].model", "buys"),
        (text(MODEL | {"threshold": float("nan")}), "segments[0].threshold", "nan"),
        (text(MODEL | {"threshold": float("inf")}), "segments[0].threshold", "inf"),
        (text(RULE | {"when": {"in_segment": "nobody"}}), "segments[0].when.in_segment", "nobody"),
        (text(retired_bits=[MAX_BIT + 1]), "retired_bits[0]", MAX_BIT + 1),
        (text(retired_bits=["1"]), "retired_bits[0]", "1"),
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
        (text(RULE | {"ttl_s": 60, "listed": True}), "segments[0].listed", True),
        (text(RULE | {"listed": "yes"}), "segments[0].listed", "yes"),
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


def test_a_segment_may_ask_for_another_and_even_for_itself() -> None:
    """It reads a flag as it stood before the event, so there is nothing to go round in."""
    catalogue = parse_catalogue(
        text(RULE | {"when": {"any": [{"in_segment": "chosen"}, {"in_segment": "buyer"}]}}, BATCH)
    )
    assert catalogue.tests["buyer"](Profile(flags=1 << 3), 0) and not catalogue.tests["buyer"](Profile(), 0)


def test_a_tree_that_unfolds_without_end_is_refused_before_it_is_unfolded() -> None:
    """A billion laughs: a few hundred bytes of YAML, ten to the ninth nodes."""
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(InvalidCatalogue):
        parse_catalogue("\n".join([*lines, "version: 1", "segments: *a9"]))
    with pytest.raises(InvalidCatalogue):
        parse_catalogue(
            "\n".join([*lines, "version: 1", "segments: [{name: a, bit: 1, kind: rule, when: {all: *a9}}]"])
        )


@pytest.mark.parametrize(
    "word", ["!!int ''", "!!float ''", "!!bool maybe", "!!timestamp x", "!!binary ä", "2001-99-99"]
)
def test_values_that_pyyaml_chokes_on_are_refused(word: str) -> None:
    with pytest.raises(InvalidCatalogue):
        parse_catalogue(f"version: {word}\nsegments: []")


TOKENS = """
version segments retired_bits name bit kind rule model batch triggers view when feature purchases ge in all any not
ttl_s threshold in_segment country : - { } [ ] , & * ! | > ? # ' " ~ null true 1 1e9 .nan 0x1F 1:30 2001-01-01 &a *a <<
!!int !!float !!bool !!timestamp !!binary !!set !!omap !!python/object:os.system
"""
pieces = st.sampled_from(TOKENS.split()) | st.sampled_from(
    ["\n", "\n  ", "\n- ", ": ", " ", "\x00", "\ufeff", "\ud800"]
)


@settings(max_examples=500)
@given(st.text(max_size=60) | st.lists(pieces, max_size=40).map(" ".join) | st.lists(pieces, max_size=40).map("".join))
def test_any_text_is_a_catalogue_or_refused(source: str) -> None:
    try:
        parse_catalogue(source)
    except InvalidCatalogue as error:
        assert str(error)


anything: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.dates()
    | st.datetimes()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("name", "bit", "kind", "triggers", "description", "when", "model", "threshold", "ttl_s", "colour")


@settings(max_examples=300)
@given(
    st.lists(
        st.builds(
            lambda base, key, value: {**base, key: value},
            st.sampled_from([RULE, MODEL, BATCH]),
            st.sampled_from(FIELDS),
            anything | trees(comparisons(("purchases", "spend"), ("country",))),
        ),
        max_size=3,
    ),
    st.fixed_dictionaries({}, optional={"version": anything, "retired_bits": anything}),
)
def test_what_is_nearly_a_catalogue_is_one_or_refused(segments: list[Any], more: dict[str, Any]) -> None:
    try:
        catalogue = parse_catalogue(yaml.safe_dump({"version": 1, "segments": segments, **more}))
    except InvalidCatalogue as error:
        assert str(error)
    else:
        assert len(catalogue.segments) == len(segments)


def test_the_file_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "segments.yaml"
    path.write_text(text(RULE | {"bit": -1}))
    with pytest.raises(InvalidCatalogue, match="segments.yaml"):
        load_catalogue(path)
    with pytest.raises(InvalidCatalogue, match="no-such"):
        load_catalogue(tmp_path / "no-such.yaml")
