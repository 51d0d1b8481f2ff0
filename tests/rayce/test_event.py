"""The event's codec: round trips, every old version, and what is refused."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import UndecodableEvent
from rayce.event import BEHAVIOUR, CONTROL, LATEST_MS, VERSION, Event, decode_event, encode_event
from rayce.event_files import read_event_file
from tests.samples import event, events

GOLDEN = Path(__file__).parent / "golden"


@given(events())
def test_an_event_survives_the_log(sent: Event) -> None:
    assert decode_event(encode_event(sent)) == sent


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_every_version_still_decodes(version: int) -> None:
    found = [decode_event(record) for record in read_event_file(GOLDEN / f"events.v{version}")]
    assert {each.type for each in found} >= {*BEHAVIOUR, *CONTROL}
    assert {each.version for each in found} == {version}
    expected = msgspec.json.decode((GOLDEN / f"events.v{version}.json").read_bytes(), type=list[Event])
    assert found == expected


def test_a_newer_version_is_refused_by_number() -> None:
    newer = encode_event(Event(VERSION + 1, "e", "view", "shop", event().person, 1))
    with pytest.raises(UndecodableEvent, match=f"version {VERSION + 1} is newer") as caught:
        decode_event(newer)
    assert (caught.value.key, caught.value.value) == ("version", VERSION + 1)


def test_fields_that_a_later_version_adds_do_not_disturb() -> None:
    longer = msgspec.msgpack.encode([*msgspec.msgpack.decode(encode_event(event())), "new"])
    assert decode_event(longer) == event()


def test_a_version_without_the_last_fields_gets_their_defaults() -> None:
    shorter = msgspec.msgpack.encode(msgspec.msgpack.decode(encode_event(event()))[:6])
    assert decode_event(shorter).items == ()
    assert decode_event(shorter).consent == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"timestamp_ms": -1},
        {"timestamp_ms": LATEST_MS + 1},
        {"timestamp_ms": "1"},
        {"type": "bought"},
        {"person": "ada"},
        {"person": "k1:" + "x" * 32},
        {"person": "k1:" + "0" * 31},
        {"consent": 256},
        {"items": [["", 1, 1.0]]},
        {"items": [["p1", 0, 1.0]]},
        {"items": [["p1", 1, float("nan")]]},
        {"items": [["p1", 1, float("inf")]]},
        {"items": [["p1", 2**63, 1.0]]},
        {"items": [["x" * 129, 1, 1.0]]},
        {"items": [["p1", 1, 1.0]] * 501},
        {"session": "x" * 65},
    ],
)
def test_what_could_not_be_folded_does_not_decode(wrong: dict[str, object]) -> None:
    record = msgspec.msgpack.encode(tuple((msgspec.structs.asdict(event("view", "p1")) | wrong).values()))
    with pytest.raises(UndecodableEvent):
        decode_event(record)


@given(st.binary(max_size=200))
def test_random_bytes_are_an_event_or_undecodable(data: bytes) -> None:
    try:
        decode_event(data)
    except UndecodableEvent as error:
        assert str(error)


@given(events(), st.data())
def test_a_damaged_record_is_an_event_or_undecodable(sent: Event, data: st.DataObject) -> None:
    record = bytearray(encode_event(sent))
    at = data.draw(st.integers(0, len(record) - 1))
    record[at] = data.draw(st.integers(0, 255))
    try:
        decode_event(bytes(record[: data.draw(st.integers(0, len(record)))]))
    except UndecodableEvent as error:
        assert str(error)


def test_nesting_without_end_is_undecodable() -> None:
    with pytest.raises(UndecodableEvent):
        decode_event(b"\x91" * 100_000)
