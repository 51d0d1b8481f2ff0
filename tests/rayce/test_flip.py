"""Flips as the topic has them: a golden record stays readable, and nothing that is no flip is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.flip import Flip, decode_flip, encode_flip

GOLDEN = b'{"name":"shop/rules","number":3,"at_ms":1767225600000}'


def test_the_first_version_stays_readable() -> None:
    assert decode_flip(GOLDEN) == Flip("shop/rules", 3, 1_767_225_600_000)
    assert encode_flip(Flip("shop/rules", 3, 1_767_225_600_000)) == GOLDEN


@given(st.text(), st.integers(0, 2**53), st.integers(0, 2**53))
def test_what_is_written_is_read(name: str, number: int, at_ms: int) -> None:
    flip = Flip(name, number, at_ms)
    assert decode_flip(encode_flip(flip)) == flip


@pytest.mark.parametrize(
    "value",
    [None, b"", b"null", b"[]", b'{"name":1,"number":1,"at_ms":1}', b"\xff", b"{" * 9_999, b'{"x":' + b"[" * 99_999],
)
def test_anything_else_is_no_flip(value: bytes | None) -> None:
    assert decode_flip(value) is None


@given(st.binary())
def test_whatever_is_in_the_topic_is_read(value: bytes) -> None:
    decode_flip(value)
