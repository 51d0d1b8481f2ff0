"""Columns of events: they say what `decode_event` says, and refuse what it refuses; the record is there in any case."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import UndecodableEvent
from rayce.event import VERSION, Event, decode_event, encode_event
from rayce.lake import event_rows as module
from rayce.lake.columns import EVENT_COLUMNS
from rayce.lake.event_rows import event_rows
from rayce.lake.records import DAY_MS, Chunk, Origin
from tests.rayce.lake.lakes import an_event
from tests.samples import histories

AT_MS = 1_700_000_000_000


def rows_of(records: list[bytes], key: bytes | None = b"k1:key") -> list[dict[str, Any]]:
    chunk = Chunk(3, range(100, 100 + len(records)), records, lambda _: Origin(key, AT_MS))
    found: list[dict[str, Any]] = event_rows(chunk).to_pylist()
    return found


def expected(record: bytes, offset: int, key: str | None = "k1:key") -> dict[str, Any]:
    """The slow way."""
    try:
        event = decode_event(record)
    except UndecodableEvent:
        values = dict.fromkeys(EVENT_COLUMNS.names)
        values |= {"person": key, "timestamp_ms": AT_MS, "item_ids": [], "quantities": [], "prices": []}
    else:
        values = {name: getattr(event, name, None) for name in EVENT_COLUMNS.names}
        values |= {
            "item_ids": [line.item_id for line in event.items],
            "quantities": [line.quantity for line in event.items],
            "prices": [line.price for line in event.items],
        }
    days = values["timestamp_ms"] // DAY_MS
    return values | {"date": days, "partition": 3, "offset": offset, "record": record}


def agree(records: list[bytes]) -> None:
    found = rows_of(records)
    for row in found:
        row["date"] = (row["date"] - type(row["date"])(1970, 1, 1)).days
    assert found == [expected(record, 100 + n) for n, record in enumerate(records)]


@given(histories())
def test_they_say_what_the_decoder_says(events: list[Event]) -> None:
    agree([encode_event(event) for event in events])


WRONG: dict[str, list[Any]] = {
    "person": ["", "k1", "k1:xyz", "k1:" + "0" * 31, "k1:" + "0" * 33, ":" + "0" * 32, "a:b:" + "0" * 32, "k1:" + "A" * 32,
               "ü:" + "0" * 32, "k1:" + "0" * 32 + "\n", "k" * 96 + ":" + "0" * 32, "\n:" + "f" * 32],
    "type": ["", "viewed", "erased", "x" * 99],
    "version": [0, VERSION, VERSION + 1, 2**63 - 1, 2**64 - 1],
    "timestamp_ms": [-1, 0, 4_102_444_800_000, 4_102_444_800_001, 1.5, "now"],
    "consent": [-1, 0, 255, 256, None],
    "event_id": ["", "e" * 128, "e" * 129, None, 7],
    "tenant": ["", "t" * 256, "t" * 257, None],
    "session": ["s" * 64, "s" * 65, None],
    "items": [[], [["p", 0]], [["p", 1_000_000, None]], [["", 1]], [["p", 1, -0.5]], [["p", 1, 2.5, "c", "b", "more"]],
              [["p"]] * 500, [["p"]] * 501, [[]], None],
    "context": [{}, {"a": [1]}, {"a": {"b": 1}}, {"a": None}, {1: "a"}],
    "properties": [{}, {"a": 2**63}, {"a": 1.5}, {"a": b"x"}],
}  # fmt: skip
"""By field, values at the bounds and beyond."""


@pytest.mark.parametrize("name", WRONG)
def test_they_refuse_what_the_decoder_refuses(name: str) -> None:
    place = Event.__struct_fields__.index(name)
    records = []
    for value in WRONG[name]:
        raw = msgspec.msgpack.decode(encode_event(an_event(3)))
        raw[place] = value
        records += [msgspec.msgpack.encode(raw), encode_event(an_event(4))]
    agree(records)
    refused = [row["type"] is None for row in rows_of(records)[::2]]
    assert any(refused), f"no value of {name} is refused: the test says nothing"
    assert not all(refused), f"every value of {name} is refused"


@given(st.lists(st.one_of(st.binary(max_size=40), st.just(encode_event(an_event(1)))), max_size=8), st.randoms())
def test_no_record_whatever_stops_the_others(records: list[bytes], chance: random.Random) -> None:
    good = encode_event(an_event(5))
    agree([*records, good, good[: chance.randrange(len(good))]])


def test_a_record_with_fields_of_a_later_version_is_read_as_far_as_known() -> None:
    raw = msgspec.msgpack.decode(encode_event(an_event(3)))
    agree([msgspec.msgpack.encode([*raw, "later"])])
    assert rows_of([msgspec.msgpack.encode([*raw, "later"])])[0]["type"] == "purchase"


def test_a_key_that_is_no_text_or_not_there_is_no_matter() -> None:
    (row,) = rows_of([b"junk"], b"\xff\xfe")
    assert row["person"] == "\ufffd\ufffd" and row["record"] == b"junk"
    (row,) = rows_of([b"junk"], None)
    assert row["person"] is None


def test_the_fields_are_those_of_the_event() -> None:
    """A field that the event gets must come here too, or records with it would be checked less."""
    assert module._Row.__struct_fields__ == Event.__struct_fields__
