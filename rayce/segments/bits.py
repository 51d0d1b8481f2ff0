"""Bit numbers of an integer of flags."""

from rayce.profile import Bits


def set_bits(value: Bits) -> list[int]:
    """Numbers of the bits that are set, ascending.

    >>> set_bits(0b1001)
    [0, 3]
    """
    found = []
    while value:
        low = value & -value
        found.append(low.bit_length() - 1)
        value ^= low
    return found
