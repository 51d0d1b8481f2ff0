"""Payloads: JSON, encoded once, and bounded."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidDocument
from rayce.slots.payload import MAX_BYTES, MAX_DEPTH, encode_payload

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda below: st.lists(below, max_size=5) | st.dictionaries(st.text(), below, max_size=5),
    max_leaves=15,
)


@given(json_values)
def test_what_is_json_comes_back(value: object) -> None:
    try:
        encoded = encode_payload(value, "payload")
    except InvalidDocument:
        assert len(msgspec.json.encode(value)) > MAX_BYTES or _depth(value) > MAX_DEPTH
    else:
        assert msgspec.json.decode(encoded) == value


@pytest.mark.parametrize(("length", "fits"), [(MAX_BYTES - 2, True), (MAX_BYTES - 1, False)])
def test_four_kibibytes_fit(length: int, fits: bool) -> None:
    if fits:
        assert len(encode_payload("x" * length, "p")) == MAX_BYTES
    else:
        with pytest.raises(InvalidDocument) as caught:
            encode_payload("x" * length, "p")
        assert (caught.value.key, caught.value.value) == ("p", MAX_BYTES + 1)


@pytest.mark.parametrize("value", [float("inf"), 2**53 + 1, {1: 2}, b"x", {"a": {1, 2}}, "\ud800", {"\udfff": 1}])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(InvalidDocument):
        encode_payload(value, "p")


def _depth(value: object) -> int:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, below), default=0)
