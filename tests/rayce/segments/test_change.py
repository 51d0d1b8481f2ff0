"""Changes of membership: what entered and left, and a format that every version can read."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayce.errors import InvalidInput
from rayce.profile import Profile
from rayce.segments.change import (
    VERSION,
    Cause,
    Entered,
    SegmentChange,
    decode_change,
    difference,
    encode_change,
)

GOLDEN = Path(__file__).parent.parent / "golden" / "segment-change.v1.json"
NAMES = {0: "zero", 3: "three", 5: "short"}
NOW_MS = 1_767_225_600_000
NOW_S = NOW_MS // 1000

EXAMPLE = SegmentChange(
    VERSION,
    "k1:00000000000000000000000000000001",
    "shop",
    "1-5f0c2a9e",
    Cause("0198c0de", "add_to_cart", 2, 4711, NOW_MS),
    "1",
    "9",
    (Entered("three"), Entered("short", NOW_S + 1800)),
    ("zero",),
)


def profile(flags: int, *short_lived: tuple[int, int]) -> Profile:
    return Profile(flags=flags, short_lived=short_lived)


def test_the_golden_file_still_decodes_and_is_what_is_written() -> None:
    assert decode_change(GOLDEN.read_bytes()) == EXAMPLE
    assert encode_change(EXAMPLE) == GOLDEN.read_bytes().strip()


def test_fields_of_a_later_version_are_passed_over() -> None:
    tree = msgspec.json.decode(encode_change(EXAMPLE))
    later = msgspec.json.encode({**tree, "version": 2, "mood": "new"})
    assert decode_change(later).entered == EXAMPLE.entered


@given(st.binary(max_size=60))
def test_what_is_no_change_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_change(data)


def test_who_entered_and_left_goes_by_bit_and_by_name() -> None:
    entered, left = difference(profile(0b001), profile(0b1000, (5, NOW_S + 9)), NOW_MS, NAMES)
    assert entered == (Entered("three"), Entered("short", NOW_S + 9)) and left == ("zero",)


def test_a_bit_that_the_catalogue_does_not_know_goes_by_its_number() -> None:
    assert difference(profile(0), profile(1 << 200), NOW_MS, NAMES)[0] == (Entered("bit 200"),)


def test_running_out_and_prolonging_are_no_changes_and_entering_anew_is_one() -> None:
    assert difference(profile(0, (5, NOW_S)), profile(0), NOW_MS, NAMES) == ((), ())
    assert difference(profile(0, (5, NOW_S + 1)), profile(0, (5, NOW_S + 60)), NOW_MS, NAMES) == ((), ())
    assert difference(profile(0, (5, NOW_S)), profile(0, (5, NOW_S + 60)), NOW_MS, NAMES)[0] == (
        Entered("short", NOW_S + 60),
    )
    assert difference(profile(0, (5, NOW_S + 1)), profile(0), NOW_MS, NAMES) == ((), ("short",))


flags = st.integers(0, 2**70)


@given(flags, flags)
def test_there_and_back_again_is_nothing(before: int, after: int) -> None:
    entered, left = difference(profile(before), profile(after), NOW_MS, NAMES)
    back_in, back_out = difference(profile(after), profile(before), NOW_MS, NAMES)
    assert tuple(each.name for each in entered) == back_out and left == tuple(each.name for each in back_in)
    assert len(entered) == (after & ~before).bit_count() and len(left) == (before & ~after).bit_count()
