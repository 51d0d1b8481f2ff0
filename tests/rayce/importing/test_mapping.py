"""Mappings: what holds together is read, what does not is refused with key and value, and nothing else is ever raised."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidDocument, InvalidInput
from rayce.importing.mapped_events import MappedEvents
from rayce.importing.mapping import (
    EventMapping,
    ItemMapping,
    Source,
    columns_of,
    dialect_of,
    fields_of,
    load_mapping,
    parse_mapping,
)
from rayce.importing.raw_row import RawRow

GOOD: dict[str, Any] = {
    "user_id": "customer",
    "type": {"column": "what", "values": {"buy": "purchase"}, "otherwise": "view"},
    "timestamp": {"column": "when", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
    "session_id": "visit",
    "items": {"item_id": "sku", "quantity": "qty", "price": {"column": "price", "decimal": ","}},
    "group_by": "basket",
    "context": {"country": {"column": "land", "values": {"D": "DE"}}},
    "properties": {"coupon": "voucher"},
    "consent": ["personalization", "training"],
    "encoding": "latin-1",
    "delimiter": ";",
}


def parsed(**changed: Any) -> EventMapping:
    tree = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    return parse_mapping(yaml.safe_dump(tree), EventMapping)


def test_a_whole_one() -> None:
    mapping = parsed()
    assert columns_of(mapping) == [
        "customer",
        "what",
        "when",
        "visit",
        "sku",
        "qty",
        "price",
        "basket",
        "land",
        "voucher",
    ]
    assert dict(fields_of(mapping))["context.country"] == Source(column="land", values={"D": "DE"})
    assert (dialect_of(mapping).encoding, dialect_of(mapping).delimiter) == ("latin-1", ";")


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("user_id", "", "user_id"),
        ("user_id", {"column": "a", "constant": "b"}, "user_id"),
        ("user_id", {}, "user_id"),
        ("usr_id", "x", "usr_id"),
        ("type", {"constant": "buy"}, "type"),
        ("type", {"column": "a", "values": {"x": "consent_changed"}}, "type"),
        ("type", {"column": "a", "otherwise": "view"}, "type.otherwise"),
        ("timestamp", {"column": "when", "zone": "Mars/Olympus"}, "timestamp.zone"),
        ("timestamp", {"column": "when", "zone": "../../etc/passwd"}, "timestamp.zone"),
        ("timestamp", {"column": "when", "format": "yesterday"}, "timestamp.format"),
        ("timestamp", {"column": "when", "format": "%Q"}, "timestamp.format"),
        ("timestamp", {"column": "when", "format": "%d %d"}, "timestamp.format"),
        ("items", {"quantity": "q"}, "items"),
        ("items", None, "group_by"),
        ("consent", ["everything"], "consent[0]"),
        ("consent", [], "consent"),
        ("identity", "row", "identity"),
        ("encoding", "utf-16", "encoding"),
        ("delimiter", ";;", "delimiter"),
        ("delimiter", '"', "delimiter"),
        ("properties", {"coupon": {"constant": 1, "values": {"a": 1}}}, "properties.coupon.values"),
    ],
)
def test_what_does_not_hold_together_is_named(key: str, value: Any, named: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parsed(**{key: value})
    assert caught.value.key == named


def test_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    for content in (None, b"\xff", b"user_id: [", b"- 1", b"a: &a [*a]"):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InvalidDocument, match=str(path)):
            load_mapping(path, EventMapping)


words = st.sampled_from(
    [*GOOD, "column", "constant", "values", "otherwise", "as", "format", "zone", "item_id", "%", "%d"]
)
leaves = words | st.text(max_size=6) | st.none() | st.integers() | st.floats() | st.booleans()
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=4), inner, max_size=4)
)
texts = st.text(max_size=80) | st.dictionaries(st.sampled_from([*GOOD]), trees, max_size=10).map(
    lambda tree: yaml.safe_dump({**GOOD, **tree})
)


@given(texts)
def test_any_text_is_a_mapping_or_refused(text: str) -> None:
    for kind in (EventMapping, ItemMapping):
        try:
            mapping = parse_mapping(text, kind)  # type: ignore[type-var]
        except InvalidDocument:
            continue
        assert columns_of(mapping)


cells = st.none() | st.text(max_size=12) | st.integers() | st.floats() | st.booleans() | st.binary(max_size=4)
nested = st.recursive(cells, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner))


@given(
    texts, st.lists(st.dictionaries(st.sampled_from(["customer", "what", "when", "sku", "basket"]), nested), max_size=6)
)
def test_whatever_stands_in_the_rows_each_is_an_event_or_refused(text: str, rows: list[dict[str, Any]]) -> None:
    try:
        mapping = parse_mapping(text, EventMapping)
    except InvalidDocument:
        mapping = parsed()
    try:
        found = list(MappedEvents(mapping).of(RawRow(at, row) for at, row in enumerate(rows, 1)))
    except InvalidInput:
        return  # a constant that cannot be what it stands for
    assert len(found) <= len(rows)
