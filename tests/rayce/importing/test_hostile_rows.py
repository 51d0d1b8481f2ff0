"""Whatever a file holds, an import ends with a report; what is in the log can be folded."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rayce.importing.item_import import import_items
from rayce.importing.mapping import ItemMapping, parse_mapping
from rayce.importing.source_file import recognise
from rayce.item import decode_item
from tests.imports import World, lines

NAMES = [
    "type",
    "user_id",
    "person",
    "timestamp",
    "timestamp_ms",
    "tenant",
    "event_id",
    "session_id",
    "items",
    "context",
    "properties",
    "consent",
    "offset",
    "item_id",
    "price",
    "available",
    "categories",
    "attributes",
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["view", "ada", "k1:" + "0" * 32, "2026-01-01", "9" * 30, "[1]", '{"a":1}', "training", "1e999"])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
)
rows = st.fixed_dictionaries(
    {"type": st.just("view"), "user_id": st.just("ada"), "timestamp": st.just(1)},
    optional=dict.fromkeys(NAMES[2:3] + NAMES[4:], values),
) | st.dictionaries(st.sampled_from(NAMES), values)


@given(st.lists(rows, max_size=8))
@settings(max_examples=60)
def test_any_rows_of_our_own_names_are_events_or_refused(found: list[dict[str, Any]]) -> None:
    world = World()
    with tempfile.TemporaryDirectory() as folder:
        path = lines(Path(folder) / "a.jsonl", [*found, {"type": "view", "user_id": "eve", "timestamp": 5}])
        report = world.run(path)
    counts = report.counts
    assert report.broken == ""
    assert counts.rows == len(found) + 1 == counts.events + counts.known + counts.without_consent + counts.refused
    assert world.states()


@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.jsonl", "a.jsonl.gz", "a.csv.zst", "a.parquet", "a.tsv"]))
def test_any_bytes_end_with_a_report(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(b"\n" + content)
        report = World().run(path)
    assert report.counts.events == 0
    assert report.broken or report.counts.refused or not content.strip()


MAPPING = """
item_id: id
title: {column: name}
categories: [wide, {column: narrow, values: {m: Milk}, otherwise: ""}]
price: {column: cost, decimal: ","}
available: {column: stock, values: {"0": false}, otherwise: true}
attributes: {colour: colour}
"""


@given(st.lists(rows, max_size=6))
def test_any_rows_are_items_or_refused(found: list[dict[str, Any]]) -> None:
    saved: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = lines(Path(folder) / "a.jsonl", [*found, {"item_id": "p1"}])
        report = import_items(recognise(path), None, saved.update, lambda refusal: None)
    assert report.items + report.refused == len(found) + 1
    assert all(decode_item(body).item_id == item_id for item_id, body in saved.items())


def test_items_by_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id,name,wide,narrow,cost,stock,colour\n1,A,Dairy,m,"1,5",0,red\n2,B,Dairy,x,,3,\n,C,,,,,\n')
    saved: dict[str, bytes] = {}
    report = import_items(recognise(path), parse_mapping(MAPPING, ItemMapping), saved.update, lambda refusal: None)
    one, two = (decode_item(saved[item_id]) for item_id in "12")
    assert (one.categories, one.price, one.available, one.attributes) == (
        ("Dairy", "Milk"),
        1.5,
        False,
        {"colour": "red"},
    )
    assert (two.categories, two.price, two.available, two.attributes) == (("Dairy", ""), None, True, {})
    assert [(error.row, error.reason) for error in report.errors] == [(3, "Object missing required field `item_id`")]


def test_items_with_too_many_errors_stop(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"item_id": ""}, {"item_id": "1"}, {"item_id": ""}, {"item_id": "2"}])
    saved: dict[str, bytes] = {}
    report = import_items(recognise(path), None, saved.update, lambda refusal: None, max_errors=1)
    assert (list(saved), report.broken) == (["1"], f"{path}: more than 1 rows are refused")
