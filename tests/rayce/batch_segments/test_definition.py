"""The section `batch` of the segment catalogue: what it may say, and what is named where it is wrong."""

import pickle
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidCatalogue
from rayce.features.feature_set import ALL
from rayce.profile import Profile
from rayce.segments.catalogue import Catalogue, parse_catalogue
from tests.samples import T0


def catalogue(batch: Any, **more: Any) -> Catalogue:
    segments = [
        {"name": "vip", "bit": 3, "kind": "batch"},
        {"name": "made", "bit": 4, "kind": "batch", "batch": batch, **more},
    ]
    return parse_catalogue(yaml.safe_dump({"version": 1, "segments": segments}))


WHEN = {"feature": "purchases", "ge": 1}


@pytest.mark.parametrize(
    "batch",
    [
        {"when": WHEN},
        {
            "totals": {"toys": {"of": "value", "categories": ["toys"], "days": 400}},
            "when": {"feature": "toys", "ge": 9},
        },
        {"rfm": {}, "when": {"feature": "recency_score", "ge": 4}},
        {"lifecycle": {}, "when": {"feature": "lifecycle", "in": ["at_risk", "lapsed"]}},
        {"lookalike": {"segment": "vip", "size": 10}},
        {"lookalike": {"file": "seeds.txt", "score": 0.5, "method": "trees"}, "when": {"in_segment": "vip"}},
    ],
)
def test_what_may_be_said(batch: dict[str, Any]) -> None:
    found = catalogue(batch)
    assert list(found.batch) == ["made"]
    assert (found.batch["made"].rule is None) == ("when" not in batch)


@pytest.mark.parametrize(
    "batch, key",
    [
        ({}, "segments[1].batch"),
        ({"whenn": WHEN}, "segments[1].batch.whenn"),
        ({"when": {"feature": "toys", "ge": 1}}, "segments[1].batch.when"),
        ({"totals": {"toys": {"of": "hats"}}, "when": WHEN}, "segments[1].batch.totals[...].of"),
        ({"totals": {"toys": {"types": ["hat"]}}, "when": WHEN}, "segments[1].batch.totals[...].types[0]"),
        ({"totals": {"toys": {"days": 0}}, "when": WHEN}, "segments[1].batch.totals[...].days"),
        ({"totals": {"spend": {}}, "when": WHEN}, "segments[1].batch.totals.spend"),
        ({"rfm": {"parts": 1}, "when": WHEN}, "segments[1].batch.rfm.parts"),
        ({"lifecycle": {"at_risk": 4, "lapsed": 3}, "when": WHEN}, "segments[1].batch.lifecycle.lapsed"),
        ({"lookalike": {"segment": "vip"}}, "segments[1].batch.lookalike"),
        ({"lookalike": {"size": 10}}, "segments[1].batch.lookalike"),
        ({"lookalike": {"segment": "vip", "file": "a", "size": 10}}, "segments[1].batch.lookalike"),
        ({"lookalike": {"segment": "hats", "size": 10}}, "segments[1].batch.lookalike.segment"),
        ({"lookalike": {"segment": "vip", "size": 1, "features": ["hats"]}}, "segments[1].batch.lookalike.features"),
        ({"when": WHEN, "max_change": 0}, "segments[1].batch.max_change"),
        ({"when": {"in_segment": "hats"}}, "segments[1].batch.when.in_segment"),
    ],
)
def test_what_is_wrong_is_named(batch: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidCatalogue) as refused:
        catalogue(batch)
    assert refused.value.key == key


def test_only_segments_of_the_kind_batch_have_one() -> None:
    with pytest.raises(InvalidCatalogue, match="made.*rule"):
        catalogue({"when": WHEN}, kind="rule", triggers=["view"], when=WHEN)


def test_a_catalogue_without_one_has_the_version_that_it_had() -> None:
    text = "{version: 7, segments: [{name: vip, bit: 3, kind: batch}]}"
    assert parse_catalogue(text).version == "7-22405b09"


def test_one_that_says_something_else_is_another_version() -> None:
    assert catalogue({"when": WHEN}).version != catalogue({"when": {"feature": "purchases", "ge": 2}}).version


def test_what_it_declares_is_no_feature_of_a_profile_and_travels_to_other_nodes() -> None:
    found = catalogue({"totals": {"toys": {}}, "lifecycle": {}, "when": {"feature": "toys", "ge": 1}}).batch["made"]
    again = pickle.loads(pickle.dumps(found))
    for each in (found, again):
        value = each.features.numbers["toys"](Profile(), T0)
        assert value != value and each.features.words["lifecycle"](Profile(), T0) == ""
        assert set(ALL.numbers) < set(each.features.numbers)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 500) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["of", "days", "size", "segment"]), inner)
    ),
    max_leaves=6,
)
names = st.sampled_from(["totals", "rfm", "lifecycle", "lookalike", "when", "max_change", "x"])


@given(st.dictionaries(names, values, max_size=4))
def test_whatever_it_says_it_is_taken_or_refused_by_name(batch: dict[str, Any]) -> None:
    try:
        catalogue(batch)
    except InvalidCatalogue as refused:
        assert refused.key.startswith("segments[1].batch")
