"""Packed flags: what is put in comes out, and what has expired does not, to the second."""

from hypothesis import given
from hypothesis import strategies as st

from rayce.profile import Profile
from rayce.segments.flags import Flags, pack_flags, unpack_flags

bits = st.sets(st.integers(0, 1023), max_size=80)
seconds = st.integers(0, 4_102_444_800)


@given(bits, st.dictionaries(st.integers(0, 1023), seconds, max_size=30), seconds)
def test_flags_survive_packing(permanent: set[int], short_lived: dict[int, int], as_of_s: int) -> None:
    pairs = tuple(sorted(short_lived.items()))
    profile = Profile(flags=sum(1 << bit for bit in permanent), short_lived=pairs, last_ms=as_of_s * 1000 + 999)
    assert unpack_flags(pack_flags(profile)) == Flags(as_of_s, profile.flags, pairs)


@given(bits, st.dictionaries(st.integers(0, 1023), seconds, max_size=30), seconds)
def test_bits_in_force_are_the_permanent_ones_and_those_not_yet_expired(
    permanent: set[int], short_lived: dict[int, int], now_s: int
) -> None:
    short_lived = {bit: until for bit, until in short_lived.items() if bit not in permanent}
    profile = Profile(flags=sum(1 << bit for bit in permanent), short_lived=tuple(sorted(short_lived.items())))
    expected = sorted(permanent | {bit for bit, until in short_lived.items() if now_s < until})
    assert unpack_flags(pack_flags(profile)).bits(now_s * 1000) == expected


def test_a_short_lived_flag_is_in_force_until_the_millisecond_before_its_second() -> None:
    flags = unpack_flags(pack_flags(Profile(short_lived=((3, 100),))))
    assert flags.bits(99_999) == [3]
    assert flags.bits(100_000) == []


def test_a_person_without_flags_takes_five_bytes_and_a_full_one_of_64_flags_thirteen() -> None:
    assert len(pack_flags(Profile())) == 5
    assert len(pack_flags(Profile(flags=2**64 - 1))) == 13


@given(st.binary(max_size=64))
def test_any_other_bytes_are_flags_or_no_flags(data: bytes) -> None:
    unpack_flags(data).bits(0)
