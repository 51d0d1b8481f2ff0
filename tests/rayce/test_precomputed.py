"""Precomputed lists: there and back, nothing where there is none, refused when damaged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidArtifact
from rayce.precomputed import decode_list, encode_list


@given(st.lists(st.tuples(st.text(max_size=8), st.floats(allow_nan=False)), max_size=10))
def test_a_list_survives_its_bytes(entries: list[tuple[str, float]]) -> None:
    assert decode_list(encode_list(entries)) == entries


def test_no_list_is_an_empty_one() -> None:
    assert decode_list(None) == []


@pytest.mark.parametrize("data", [b"", b"\xc1", encode_list({"a": 1}), encode_list([("a",)]), encode_list([(1, 2.0)])])
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidArtifact):
        decode_list(data)
