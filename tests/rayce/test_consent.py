"""Consent records: seven bytes there and back; anything else counts as unknown."""

from hypothesis import given
from hypothesis import strategies as st

from rayce.consent import MARKETING, PERSONALIZATION, PURPOSES, TRAINING, UNKNOWN, Consent


@given(st.integers(0, 7), st.integers(0, 2**47))
def test_a_record_survives_its_bytes(purposes: int, changed_ms: int) -> None:
    record = Consent(purposes, changed_ms)
    assert len(record.to_bytes()) == 7
    assert Consent.from_bytes(record.to_bytes()) == record


@given(st.binary(max_size=20).filter(lambda data: len(data) != 7))
def test_anything_of_another_length_is_unknown(data: bytes) -> None:
    assert Consent.from_bytes(data) is UNKNOWN


def test_unknown_allows_nothing() -> None:
    assert not any(UNKNOWN.allows(bit) for bit in PURPOSES.values())


@given(st.integers(0, 7))
def test_each_purpose_is_allowed_by_its_own_bit_only(purposes: int) -> None:
    allowed = {bit for bit in (PERSONALIZATION, TRAINING, MARKETING) if Consent(purposes).allows(bit)}
    assert sum(allowed) == purposes


@given(st.integers(0, 7), st.integers(0, 2**40), st.integers(0, 7), st.integers(0, 2**40))
def test_records_of_one_length_compare_by_their_moment_as_bytes_do(a: int, at: int, b: int, bt: int) -> None:
    """The last six bytes are the moment, big-endian: `decide.lua` and `put_back.lua` rely on it."""
    assert (Consent(a, at).to_bytes()[1:] <= Consent(b, bt).to_bytes()[1:]) == (at <= bt)
