"""UUID version 7: version, variant, time and order."""

from uuid import RFC_4122

from hypothesis import given
from hypothesis import strategies as st

from rayce.uuid7 import uuid7

moments = st.integers(0, 2**48 - 1)
noise = st.binary(min_size=10, max_size=10)


@given(moments, noise)
def test_version_variant_and_time_are_where_the_rfc_wants_them(now_ms: int, chance: bytes) -> None:
    made = uuid7(now_ms, chance)
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == now_ms


@given(moments, moments, noise, noise)
def test_later_ones_sort_after_earlier_ones(one: int, other: int, chance: bytes, luck: bytes) -> None:
    if one < other:
        assert str(uuid7(one, chance)) < str(uuid7(other, luck))


def test_two_of_one_moment_differ() -> None:
    assert uuid7(1) != uuid7(1)
