"""Ingest: good rows go through, each bad one is named, and nothing unlisted passes the edge."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidInput
from rayce.event import BEHAVIOUR, Line, decode_event, encode_event
from rayce.ingest import EventIn, Row, Stamper, read_rows, split_rows
from rayce.item_words import ItemWords
from rayce.pseudonym import Pseudonymizer
from rayce.settings import PrivacySettings
from tests.samples import T0, person

PRIVACY = PrivacySettings()
STAMPER = Stamper(Pseudonymizer("k1", {"k1": "11" * 32}), PRIVACY)
TOLERANCE_S = 300


def rows_of(body: bytes, is_lines: bool = False, max_rows: int = 100) -> list[bytes]:
    return [bytes(row) for row in split_rows(body, is_lines, max_rows)]


def read_one(**fields: object) -> Row:
    good, bad = read_rows([msgspec.json.encode({"type": "view", "user_id": "ada", **fields})], T0, TOLERANCE_S)
    assert not bad, bad
    return good[0]


def stamped(**fields: object) -> dict[str, object]:
    event = STAMPER.stamp(read_one(**fields), "shop", person(), 1)
    return msgspec.structs.asdict(event)


@pytest.mark.parametrize(
    "body, is_lines",
    [
        (b'{"a":1}', False),
        (b' \n{"a":1}\n ', False),
        (b'[{"a":1}]', False),
        (b'{"a":1}', True),
        (b'\n{"a":1}\n\n', True),
        (b'{"a":1}\r\n', True),
    ],
)
def test_one_row_comes_in_any_form(body: bytes, is_lines: bool) -> None:
    assert rows_of(body, is_lines) == [b'{"a":1}']


def test_many_rows_come_as_an_array_or_as_lines() -> None:
    assert rows_of(b'[{"a":1}, {"b":"]"}]') == [b'{"a":1}', b'{"b":"]"}']
    assert rows_of(b'{"a":1}\n\n{"b":2}\r\n{"c":3}', True) == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


def test_a_line_separator_inside_a_text_is_no_end_of_a_line() -> None:
    line = '{"a":"x\u2028y\x85z"}'.encode()
    assert rows_of(line + b"\n" + line, True) == [line, line]


@pytest.mark.parametrize("body", [b"", b"   ", b"[]", b"\n\n"])
@pytest.mark.parametrize("is_lines", [False, True])
def test_a_body_that_holds_nothing_is_refused(body: bytes, is_lines: bool) -> None:
    if is_lines and body == b"[]":
        return  # one line, refused as a row
    with pytest.raises(InvalidInput, match="holds nothing"):
        split_rows(body, is_lines, 10)


@pytest.mark.parametrize("body", [b"[", b"[1,", b'[{"a":1}', b"[1]x", b"[" * 100_000, b"[\xff]"])
def test_an_array_that_is_none_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        split_rows(body, False, 10)
    assert caught.value.key == "$"


def test_too_many_rows_are_refused_with_their_number() -> None:
    with pytest.raises(InvalidInput) as caught:
        split_rows(b"[1,2,3]", False, 2)
    assert caught.value.value == 3


def test_the_good_rows_of_a_batch_go_through_and_each_bad_one_is_named() -> None:
    rows = [
        b'{"type":"view","user_id":"ada"}',
        b'{"type":"bought","user_id":"ada"}',
        b"{",
        b'{"type":"purchase","user_id":"bob","items":[{"item_id":"p1","quantity":"two"}]}',
        b'{"type":"view","user_id":"eve","timestamp":"yesterday"}',
        b'{"type":"login","user_id":"eve"}',
    ]
    good, bad = read_rows(rows, T0, TOLERANCE_S)
    assert [(row.number, row.event.user_id) for row in good] == [(0, "ada"), (5, "eve")]
    assert [(error.index, error.path, error.value) for error in bad] == [
        (1, "$.type", "bought"),
        (2, "$", "{"),
        (3, "$.items[0].quantity", "two"),
        (4, "$.timestamp", "yesterday"),
    ]


def test_a_missing_timestamp_is_now_and_a_missing_id_is_made() -> None:
    event = stamped()
    assert event["timestamp_ms"] == T0
    assert str(event["event_id"])[14] == "7"
    assert stamped()["event_id"] != event["event_id"]


def test_what_the_sender_says_is_kept() -> None:
    event = stamped(event_id="e-1", timestamp=T0 - 5, items=[{"item_id": "p1", "quantity": 2, "price": 1.5}])
    assert (event["event_id"], event["timestamp_ms"]) == ("e-1", T0 - 5)
    assert event["items"] == (Line("p1", 2, 1.5),)


@given(st.integers(0, T0), st.integers(-14 * 60, 14 * 60))
def test_rfc_3339_is_read_to_the_millisecond(moment_ms: int, offset_min: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment_ms)
    if offset_min < 0 and moment_ms < 86_400_000:
        return
    text = moment.astimezone(timezone(timedelta(minutes=offset_min))).isoformat(timespec="milliseconds")
    assert read_one(timestamp=text).timestamp_ms == moment_ms


def test_a_moment_without_a_zone_is_utc_and_z_is_understood() -> None:
    assert read_one(timestamp="2026-01-01T00:00:00").timestamp_ms == T0
    assert read_one(timestamp="2026-01-01T00:00:00Z").timestamp_ms == T0


@pytest.mark.parametrize(
    "timestamp",
    [
        T0 + TOLERANCE_S * 1000 + 1,
        "2026-01-02T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "1970-01-01T00:00:00+14:00",
        "1969-12-31T23:59:59Z",
        "yesterday",
        "",
        "2026-13-01",
    ],
)
def test_a_moment_that_cannot_be_is_refused_with_its_value(timestamp: object) -> None:
    _good, bad = read_rows(
        [msgspec.json.encode({"type": "view", "user_id": "ada", "timestamp": timestamp})], T0, TOLERANCE_S
    )
    assert [(error.path, error.value) for error in bad] == [("$.timestamp", timestamp)]


def test_clocks_may_differ_a_little() -> None:
    assert read_one(timestamp=T0 + TOLERANCE_S * 1000).timestamp_ms == T0 + TOLERANCE_S * 1000


def test_only_listed_fields_pass() -> None:
    event = stamped(
        context={"device": "phone", "ip": "10.0.0.1", "email": "ada", "url": "x"}, properties={"rating": 4, "note": "n"}
    )
    assert event["context"] == {"device": "phone"}
    assert event["properties"] == {"rating": 4}


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.org",
        "Ada <ada@example.org>",
        "ada%40example.org",
        "ada\uff20example.org",
        "10.0.0.1",
        "from 192.168.12.34 port 80",
        "2001:db8::1",
        "fe80::1",
        "::1",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "https://shop.example/p",
        "HTTPS://shop.example",
        "//shop.example/p",
        "/p?utm_source=mail",
        "utm_source=mail&user=ada",
        "?q=shoes",
        "user=ada",
    ],
)
def test_what_looks_like_an_address_does_not_pass_even_in_a_listed_field(text: str) -> None:
    event = stamped(context={"slot": text, "device": "phone"}, properties={"campaign": text, "coupon": "SPRING"})
    assert event["context"] == {"device": "phone"}
    assert event["properties"] == {"coupon": "SPRING"}


@pytest.mark.parametrize("text", ["phone", "10:30", "Spring sale 20%", "1.2.3", "A-1/b", "naïve", "YWJj=="])
def test_ordinary_words_pass(text: str) -> None:
    assert stamped(context={"slot": text})["context"] == {"slot": text}


def test_a_long_text_is_cut() -> None:
    assert stamped(context={"slot": "x" * 1000})["context"] == {"slot": "x" * 64}


LISTED = [*PRIVACY.context_fields, *PRIVACY.property_fields]
secrets = st.sampled_from(["ada-lovelace-4711", "ada@example.org", "203.0.113.77", "/cart?user=ada", "2001:db8::77"])
fields = st.sampled_from([*LISTED, "email", "ip", "url", "user", "phone", "referrer"])


@given(
    kind=st.sampled_from(BEHAVIOUR),
    secret=secrets,
    around=st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufffd"), max_size=10),
    context=st.lists(fields, max_size=4),
    properties=st.lists(fields, max_size=4),
)
def test_no_identity_reaches_the_log_wherever_the_sender_puts_it(
    kind: str, secret: str, around: str, context: list[str], properties: list[str]
) -> None:
    listed = secret == "ada-lovelace-4711"  # only an allow-list can keep a plain name out of a listed field
    text = around + secret + around
    row = read_one(
        type=kind,
        user_id=text,
        session_id=text,
        context={name: text for name in context if not (listed and name in LISTED)},
        properties={name: text for name in properties if not (listed and name in LISTED)},
    )
    event = STAMPER.stamp(row, "shop", Pseudonymizer("k1", {"k1": "11" * 32}).person("shop", text), 1)
    assert secret.encode() not in encode_event(event)
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize("name", ["ada@example.org", "10.0.0.1", "a b", "", "x" * 65, "ä"])
def test_an_event_id_is_no_place_for_an_address(name: str) -> None:
    _good, bad = read_rows([msgspec.json.encode({"type": "view", "user_id": "a", "event_id": name})], T0, TOLERANCE_S)
    assert [error.path for error in bad] == ["$.event_id"]


def test_the_session_becomes_a_pseudonym_of_the_tenants_own() -> None:
    row = read_one(session_id="s1")
    here, there = (STAMPER.stamp(row, tenant, person(), 1).session for tenant in ("shop", "other"))
    assert here != there and "s1" not in (here, there) and len(here) == 16


@given(st.binary(max_size=60))
def test_any_bytes_are_rows_or_refusals(body: bytes) -> None:
    for is_lines in (False, True):
        try:
            rows = split_rows(body, is_lines, 10)
        except InvalidInput:
            continue
        good, bad = read_rows(rows, T0, TOLERANCE_S)
        assert len(good) + len(bad) == len(rows)


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"view","user_id":"a","context":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
        b'{"type":"view","user_id":"a","xx":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"type":"view","user_id":"a","timestamp":1' + b"0" * 10_000 + b"}",
        b'{"type":"view","user_id":"a","context":{"a":1' + b"0" * 5_000 + b"}}",
        b'{"type":"view","user_id":"a","timestamp":1e999}',
        b'{"type":"view","user_id":"\\ud800"}',
        b'{"type":"view","user_id":"a\xff"}',
    ],
)
def test_a_hostile_row_is_a_refusal_like_any_other(body: bytes) -> None:
    good, bad = read_rows([body], T0, TOLERANCE_S)
    assert (len(good), len(bad)) == (0, 1)
    msgspec.json.encode(bad)


def test_the_types_callers_may_send_are_those_of_behaviour() -> None:
    literal = EventIn.__annotations__["type"]
    assert set(literal.__args__) == set(BEHAVIOUR)


WORDS = {"p1": ("dairy", "meadow"), "p2": ("bakery", "")}


def line_of(words: ItemWords = WORDS, **line: object) -> Line:
    (found,) = STAMPER.stamp(read_one(items=[line]), "shop", person(), 1, words).items
    return found


def test_category_and_brand_are_the_senders_or_else_the_catalogues() -> None:
    assert line_of(item_id="p1") == Line("p1", 1, None, "dairy", "meadow")
    assert line_of(item_id="p1", category="cheese") == Line("p1", 1, None, "cheese", "meadow")
    assert line_of(item_id="p2", brand="own", price=1.5) == Line("p2", 1, 1.5, "bakery", "own")
    assert line_of(item_id="p9") == Line("p9")
    assert line_of(item_id="p9", category="toys", brand="acme") == Line("p9", 1, None, "toys", "acme")
    assert line_of({}, item_id="p1") == Line("p1")


@pytest.mark.parametrize("said", ["ada@example.org", "10.0.0.1", "https://shop.example/dairy", "?q=milk"])
def test_a_category_or_brand_that_looks_like_an_address_is_none(said: str) -> None:
    assert line_of(item_id="p1", category=said, brand=said) == Line("p1", 1, None, "dairy", "meadow")
    assert line_of(item_id="p9", category=said, brand=said) == Line("p9")


def test_a_long_category_is_cut_and_a_longer_one_refused() -> None:
    assert line_of(item_id="p9", category="c" * 256, brand="b" * 256) == Line("p9", 1, None, "c" * 64, "b" * 64)
    for name in ("category", "brand"):
        row = {"type": "view", "user_id": "a", "items": [{"item_id": "p1", name: "x" * 257}]}
        _good, bad = read_rows([msgspec.json.encode(row)], T0, TOLERANCE_S)
        assert [error.path for error in bad] == [f"$.items[0].{name}"]
