"""Refusals: path, value and text that a sender can act on, whatever the sender sent."""

from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from rayce.ingest import EventIn
from rayce.refusals import MAX_TEXT, UNREADABLE, excerpt, row_error, value_at, where


def refused(body: bytes, kind: object = EventIn) -> tuple[str, object, str]:
    """Path, value and text of what is wrong with a body."""
    with pytest.raises(UNREADABLE) as caught:
        msgspec.json.decode(body, type=kind)
    error = row_error(0, body, kind, str(caught.value))
    return error.path, error.value, error.message


@pytest.mark.parametrize(
    "fields, path, value",
    [
        ('"type":"bought"', "$.type", "bought"),
        ('"type":1', "$.type", 1),
        ('"user_id":""', "$.user_id", ""),
        ('"usr_id":"a"', "$.usr_id", "a"),
        ('"timestamp":1.5', "$.timestamp", 1.5),
        ('"timestamp":-1', "$.timestamp", -1),
        ('"timestamp":%s' % 10**30, "$.timestamp", 10**30),
        ('"items":{}', "$.items", {}),
        ('"items":[{"item_id":"p1"},{"item_id":"p2","quantity":"two"}]', "$.items[1].quantity", "two"),
        ('"items":[{"item_id":"p1","price":-1}]', "$.items[0].price", -1),
        ('"items":[{"item_id":"p1","colour":"red"}]', "$.items[0].colour", "red"),
        ('"items":[{"quantity":1}]', "$.items[0]", {"quantity": 1}),
        ('"context":{"device":"phone","page":null}', "$.context.page", None),
        ('"context":{"device":"phone","page":{"url":"x"}}', "$.context.page", {"url": "x"}),
        ('"properties":{"a":1,"b":%s}' % 2**60, "$.properties.b", 2**60),
        ('"context":{"a":1,"":2}', "$.context", {"a": 1, "": 2}),
        ('"context":{"a.b":null}', "$.context.a.b", '{"type":"view","user_id":"ada","context":{"a.b":null}}'),
        ('"event_id":"ada@example.org"', "$.event_id", "ada@example.org"),
        ('"event_id":"a b"', "$.event_id", "a b"),
    ],
)
def test_the_path_and_the_value_are_those_that_offend(fields: str, path: str, value: object) -> None:
    given_names = {name for name in ("type", "user_id") if f'"{name}":' in fields}
    base = "".join(f'"{name}":"{v}",' for name, v in (("type", "view"), ("user_id", "ada")) if name not in given_names)
    assert refused(f"{{{base}{fields}}}".encode())[:2] == (path, value)


def test_a_missing_field_is_named_in_the_text() -> None:
    path, _value, text = refused(b'{"type":"view"}')
    assert path == "$" and "`user_id`" in text


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nul", b"\xff\xfe", b'{"type":"view","user_id":"\xff"}', b'{"user_id":"\\ud800"}', b"[" * 100_000],
)
def test_what_is_no_json_at_all_is_shown_as_an_excerpt(body: bytes) -> None:
    path, value, text = refused(body)
    assert path == "$" and text
    assert isinstance(value, str) and len(value) <= MAX_TEXT + 1


class Nested(Struct, forbid_unknown_fields=True):
    inner: Annotated[dict[str, Annotated[int, Meta(ge=0)]], Meta(max_length=3)] = {}
    rest: "list[Nested]" = []


def test_an_entry_of_a_map_is_named_below_lists_too() -> None:
    assert refused(b'{"rest":[{},{"inner":{"a":1,"b":-2,"c":3}}]}', Nested)[:2] == ("$.rest[1].inner.b", -2)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = st.sampled_from(
    ["type", "user_id", "items", "context", "timestamp", "quantity", "x`y", " - at `$.a`", "a.b", "[0]"]
)


@given(st.dictionaries(names, json_values, max_size=5))
def test_any_json_is_refused_in_a_way_that_can_be_sent_back(tree: dict[str, object]) -> None:
    body = msgspec.json.encode(tree)
    try:
        msgspec.json.decode(body, type=EventIn)
    except UNREADABLE as error:
        told = row_error(3, body, EventIn, str(error))
        assert told.index == 3 and told.path.startswith("$") and told.message
        assert len(msgspec.json.encode(told.value)) < 7 * MAX_TEXT
        assert msgspec.json.decode(msgspec.json.encode(told))


@given(st.binary(max_size=80))
def test_any_bytes_are_refused_in_a_way_that_can_be_sent_back(body: bytes) -> None:
    try:
        msgspec.json.decode(body, type=EventIn)
    except UNREADABLE as error:
        msgspec.json.encode(row_error(0, body, EventIn, str(error)))


def test_where_reads_what_msgspec_says() -> None:
    assert where("Expected `int`, got `str` - at `$.a[0].b`") == ("$.a[0].b", "Expected `int`, got `str`")
    assert where("Expected `str` of length >= 1 - at `key` in `$.a`") == ("$.a", "Expected `str` of length >= 1")
    assert where("Object contains unknown field `x` - at `$.a`") == ("$.a.x", "Object contains unknown field `x`")
    assert where("JSON is malformed: invalid character (byte 0)")[0] == "$"


def test_value_at_gives_nothing_where_there_is_nothing() -> None:
    tree = {"a": [{"b": 1}]}
    assert value_at(tree, "$.a[0].b") == 1
    for path in ("$.a[1].b", "$.b", "$.a.b", "$.a[0].b.c"):
        assert value_at(tree, path, "nothing") == "nothing"


@given(st.text(max_size=200))
def test_an_excerpt_is_the_beginning(text: str) -> None:
    assert excerpt(text) == text or excerpt(text) == text[:MAX_TEXT] + "…"
