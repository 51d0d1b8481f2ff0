"""Items: the codec, and a size that every store takes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.item import Item, decode_item, encode_item

words = st.text(max_size=20)
items = st.builds(
    Item,
    item_id=st.text(min_size=1, max_size=20),
    title=words,
    categories=st.lists(words, max_size=4).map(tuple),
    brand=words,
    price=st.none() | st.floats(0, 1e9),
    available=st.booleans(),
    attributes=st.dictionaries(words, words | st.integers(-(2**53), 2**53) | st.booleans(), max_size=4),
)


@given(items)
def test_an_item_survives_its_bytes(item: Item) -> None:
    assert decode_item(encode_item(item)) == item


@pytest.mark.parametrize(
    "wrong",
    [
        {"item_id": ""},
        {"item_id": "x" * 129},
        {"price": -1},
        {"price": 1e10},
        {"colour": "red"},
        {"attributes": {"size": None}},
        {"attributes": {"size": 10**30}},
        {"attributes": {"x" * 65: 1}},
        {"attributes": {"text": "x" * 513}},
        {"attributes": {str(n): n for n in range(65)}},
        {"categories": ["x"] * 17},
    ],
)
def test_what_no_store_would_take_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_item(msgspec.json.encode({"item_id": "p1", **wrong}))


@pytest.mark.parametrize("filler", ["\U0001f6d2", "\u0001", '"'])
def test_the_largest_item_stays_below_what_dynamodb_takes(filler: str) -> None:
    largest = Item(
        item_id=filler * 128,
        title=filler * 256,
        categories=(filler * 256,) * 16,
        brand=filler * 256,
        attributes={f"{n:02}" + filler * 62: filler * 512 for n in range(64)},
    )
    assert len(encode_item(largest)) < 400_000
    assert decode_item(encode_item(largest)) == largest
