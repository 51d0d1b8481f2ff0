"""API keys as a document: only hashes are kept, what does not hold together is refused, and nothing else is ever raised."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from rayce.api_keys import add_key, hash_of, live_keys, make_key, parse_keys, revoke_key, until_ms
from rayce.documents import EVERYBODY, KEYS, document_text
from rayce.errors import InvalidDocument
from rayce.settings import ApiKey
from rayce.stores.memory import MemoryDurable

HASH = "ab" * 32
NOW_MS = 1_767_225_600_000


def text(**fields: object) -> str:
    return json.encode({"version": 1, "keys": {"page": {"sha256": HASH, "tenant": "shop", **fields}}}).decode()


def test_keys_are_added_listed_and_revoked() -> None:
    durable = MemoryDurable()
    key = ApiKey(HASH, "shop", ("read",), rate_per_s=50.0, priority="bulk", until="2026-12-01T00:00:00Z")
    add_key(durable, "page", key, NOW_MS)
    add_key(durable, "1e5", ApiKey("0" * 63 + "e", "shop"), NOW_MS)
    assert live_keys(durable) == {"page": key, "1e5": ApiKey("0" * 63 + "e", "shop")}
    revoke_key(durable, "page", NOW_MS)
    assert list(live_keys(durable)) == ["1e5"]


def test_where_nothing_was_added_there_are_none() -> None:
    assert live_keys(MemoryDurable()) == {}


def test_a_name_is_given_once_and_an_unknown_one_cannot_be_revoked() -> None:
    durable = MemoryDurable()
    add_key(durable, "page", ApiKey(HASH, "shop"), NOW_MS)
    with pytest.raises(InvalidDocument, match="there is a key named `page`"):
        add_key(durable, "page", ApiKey("cd" * 32, "shop"), NOW_MS)
    with pytest.raises(InvalidDocument, match="no key is named `other`"):
        revoke_key(durable, "other", NOW_MS)
    assert list(live_keys(durable)) == ["page"]


def test_a_key_that_has_ended_already_is_not_added() -> None:
    durable = MemoryDurable()
    with pytest.raises(InvalidDocument, match="is over") as refused:
        add_key(durable, "late", ApiKey(HASH, "shop", until="2020-01-01T00:00:00Z"), NOW_MS)
    assert refused.value.key == "until"
    with pytest.raises(InvalidDocument):
        add_key(durable, "never", ApiKey(HASH, "shop", until="tomorrow"), NOW_MS)
    assert live_keys(durable) == {}


def test_the_key_itself_is_kept_nowhere() -> None:
    durable, key = MemoryDurable(), make_key(b"x" * 32)
    add_key(durable, "page", ApiKey(hash_of(key), "shop"), NOW_MS)
    kept = document_text(durable, EVERYBODY, KEYS) or ""
    assert key not in kept and key.removeprefix("rk_") not in kept and hash_of(key) in kept


@pytest.mark.parametrize(
    "fields, key",
    [
        ({"sha256": "ab"}, "keys.page.sha256"),
        ({"sha256": "AB" * 32}, "keys.page.sha256"),
        ({"tenant": ""}, "keys.page.tenant"),
        ({"scopes": ["everything"]}, "keys.page.scopes[0]"),
        ({"rate_per_s": -1}, "keys.page.rate_per_s"),
        ({"priority": "first"}, "keys.page.priority"),
        ({"until": "tomorrow"}, "keys.page.until"),
        ({"until": "2026-12-01T00:00:00"}, "keys.page.until"),
        ({"colour": "red"}, "keys.page.colour"),
    ],
)
def test_what_does_not_hold_together_is_refused_by_key_and_value(fields: dict[str, object], key: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        parse_keys(text(**fields))
    assert refused.value.key.replace("[...]", ".page").removeprefix("$.") == key


def test_a_hash_is_not_shown_where_it_is_wrong_or_there_twice() -> None:
    for wrong in (
        text(sha256="secret-by-mistake"),
        text().replace("}}}", f'}}, "b": {{"sha256": "{HASH}", "tenant": "t"}}}}}}'),
    ):
        with pytest.raises(InvalidDocument) as refused:
            parse_keys(wrong)
        assert refused.value.value == "(hidden)" and HASH not in str(refused.value)


def test_an_end_is_a_moment() -> None:
    assert until_ms(ApiKey(HASH, "shop")) is None
    assert until_ms(ApiKey(HASH, "shop", until="1970-01-01T01:00:00+01:00")) == 0


@given(st.text(max_size=300) | st.from_regex(r"version: 1\nkeys: \{[^\n]{0,80}\}", fullmatch=True))
def test_any_text_is_keys_or_refused(text: str) -> None:
    with suppress(InvalidDocument):
        parse_keys(text)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_keys_differ_as_their_random_bytes_do(one: bytes, other: bytes) -> None:
    assert (make_key(one) == make_key(other)) is (one == other)
    assert make_key(one).isascii() and make_key(one).startswith("rk_")
