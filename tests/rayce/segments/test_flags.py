"""Packed flags: what is put in comes out, what has expired does not, to the second; anything else is nothing."""

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from rayce.consent import Consent
from rayce.profile import Profile
from rayce.segments.flags import (
    AHEAD_S,
    MAX_SHORT_LIVED,
    UNIT_S,
    Flags,
    lean_flags,
    pack_flags,
    split_value,
    unpack_flags,
    with_consent,
)

EIGHT_YEARS_S = 2**19 * UNIT_S
NOW_S = 1_767_225_600

bits = st.sets(st.integers(0, 1023), max_size=80)
seconds = st.integers(0, 4_102_444_800)
short_lived_flags = st.dictionaries(st.integers(0, 2**16 - 1), seconds, max_size=30).map(
    lambda d: tuple(sorted(d.items()))
)
profiles = st.builds(
    lambda permanent, short_lived, as_of_s: Profile(
        flags=sum(1 << bit for bit in permanent), short_lived=short_lived, last_ms=as_of_s * 1000 + 999
    ),
    bits,
    short_lived_flags,
    seconds,
)


@given(profiles, st.integers(-AHEAD_S, EIGHT_YEARS_S - AHEAD_S - 2 * UNIT_S))
def test_flags_survive_packing(profile: Profile, age_s: int) -> None:
    """And so does the moment: to the second with short-lived flags, else to 8 minutes (16 once in 8 years), never later."""
    as_of_s = profile.last_ms // 1000
    found = unpack_flags(pack_flags(profile), as_of_s + age_s)
    assert (found.permanent, found.short_lived) == (profile.flags, profile.short_lived)
    if profile.short_lived:
        assert found.as_of_s == as_of_s
    else:
        assert 0 <= as_of_s - found.as_of_s < 2 * UNIT_S


@given(seconds)
def test_control_after_more_than_eight_years_the_moment_is_another(as_of_s: int) -> None:
    flags = pack_flags(Profile(flags=1, last_ms=as_of_s * 1000))
    assert unpack_flags(flags, as_of_s + EIGHT_YEARS_S).as_of_s > as_of_s


@given(bits, short_lived_flags, seconds)
def test_bits_in_force_are_the_permanent_ones_and_those_not_yet_expired(
    permanent: set[int], short_lived: tuple[tuple[int, int], ...], now_s: int
) -> None:
    short_lived = tuple((bit, until) for bit, until in short_lived if bit not in permanent)
    profile = Profile(flags=sum(1 << bit for bit in permanent), short_lived=short_lived)
    expected = sorted(permanent | {bit for bit, until in short_lived if now_s < until})
    assert unpack_flags(pack_flags(profile), now_s).bits(now_s * 1000) == expected


def test_a_short_lived_flag_is_in_force_until_the_millisecond_before_its_second() -> None:
    flags = unpack_flags(pack_flags(Profile(short_lived=((3, 100),))), 100)
    assert flags.bits(99_999) == [3]
    assert flags.bits(100_000) == []


def test_sizes_are_as_documented() -> None:
    assert len(pack_flags(Profile())) == 3
    assert len(pack_flags(Profile(flags=2**64 - 1))) == 11
    assert len(pack_flags(Profile(flags=2**64 - 1, short_lived=((1, 2), (3, 4))))) == 11 + 5 + 12


def test_the_bytes_are_as_documented() -> None:
    """Worked out by hand from the module's text: 1,767,225,600 s are 3,681,720 units, modulo 2**19 that is 11,704."""
    assert (
        pack_flags(Profile(last_ms=NOW_S * 1000, flags=0b1_00000101)) == (11_704 << 5).to_bytes(3, "big") + b"\x05\x01"
    )
    short = pack_flags(Profile(last_ms=NOW_S * 1000, flags=5, short_lived=((258, 7),)))
    assert short == (11_704 << 5 | 16).to_bytes(3, "big") + NOW_S.to_bytes(4, "big") + b"\1" + b"\1\2\0\0\0\7" + b"\5"
    assert with_consent(short, 5) == (11_704 << 5 | 16 | 8 | 5).to_bytes(3, "big") + short[3:]
    assert with_consent(None, 2) == b"\0\0\x0a"


@given(profiles, st.none() | st.integers(0, 7))
def test_consent_and_flags_are_put_together_and_taken_apart(profile: Profile, purposes: int | None) -> None:
    flags, consent = pack_flags(profile), None if purposes is None else Consent(purposes)
    assert split_value(with_consent(flags, purposes)) == (consent, flags)
    assert split_value(with_consent(None, purposes)) == (consent, None)
    assert unpack_flags(with_consent(flags, purposes), NOW_S) == unpack_flags(flags, NOW_S)


@given(st.integers(0, 2**40))
@example(0)
@example(EIGHT_YEARS_S)
def test_flags_of_any_moment_are_told_from_a_consent_alone(as_of_s: int) -> None:
    assert split_value(pack_flags(Profile(last_ms=as_of_s * 1000)))[1] is not None


@given(st.binary(max_size=64), st.integers(0, 2**40))
@example(b"\0\0\x0f\1", 0)
def test_any_other_bytes_are_flags_or_nothing(data: bytes, now_s: int) -> None:
    """And where there are no flags to be read none are told of, and no consent."""
    flags = unpack_flags(data, now_s)
    flags.bits(0)
    consent, value = split_value(data)
    assert value is None or unpack_flags(value, now_s) == flags
    if value is None:
        assert flags == Flags()
        assert consent is None or len(data) == 3


@given(profiles, st.integers(0, 2**32 - 1), st.integers(0, 86_400))
def test_lean_flags_read_the_same_from_then_on_and_are_never_longer(profile: Profile, now_s: int, later_s: int) -> None:
    flags, at_s = pack_flags(profile), now_s + later_s
    lean = lean_flags(flags, now_s)
    found, same = unpack_flags(flags, at_s), unpack_flags(lean, at_s)
    assert same.bits(at_s * 1000) == found.bits(at_s * 1000)
    kept = tuple((bit, until) for bit, until in profile.short_lived if until > now_s)
    assert (same.permanent, same.short_lived) == (profile.flags, kept)
    assert lean == pack_flags(replace(profile, short_lived=kept))
    assert lean_flags(lean, now_s) == lean and len(lean) <= len(flags)
    assert (lean == flags) is (kept == profile.short_lived)


def test_a_flag_is_lean_from_its_second_on() -> None:
    flags = pack_flags(Profile(last_ms=NOW_S * 1000, short_lived=((3, 100),)))
    assert lean_flags(flags, 99) == flags and len(lean_flags(flags, 100)) == 3


@given(st.binary(max_size=40), st.integers(0, 2**32))
def test_what_are_no_flags_cannot_be_made_leaner(data: bytes, now_s: int) -> None:
    if unpack_flags(data, now_s) == Flags():
        assert unpack_flags(lean_flags(data, now_s), now_s) == Flags()


@given(profiles, st.integers(0, 7), st.data())
def test_a_value_cut_short_within_its_short_lived_part_is_nothing(
    profile: Profile, purposes: int, data: st.DataObject
) -> None:
    value = with_consent(pack_flags(profile), purposes)
    end = 8 + 6 * len(profile.short_lived) if profile.short_lived else 3
    cut = value[: data.draw(st.integers(0, end - 1))]
    assert unpack_flags(cut, NOW_S) == Flags()
    assert split_value(cut) == (None, None)


def test_more_short_lived_flags_than_can_be_counted_are_left_off() -> None:
    profile = Profile(flags=9, short_lived=tuple((bit, NOW_S) for bit in range(300)))
    found = unpack_flags(pack_flags(profile), NOW_S)
    assert (found.permanent, found.short_lived) == (9, profile.short_lived[:MAX_SHORT_LIVED])


def test_a_moment_that_no_clock_has_is_the_nearest_that_can_be_told() -> None:
    for last_ms, as_of_s in ((-5_000, 0), (2**50, 2**32 - 1)):
        assert unpack_flags(pack_flags(Profile(last_ms=last_ms, short_lived=((1, 2),))), NOW_S).as_of_s == as_of_s
