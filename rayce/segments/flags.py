"""Packed flags: all segments of a person in one small binary value.

    bytes 0-3   moment of the last event this reflects, seconds since the epoch, big-endian
    byte  4     n, the number of bytes of permanent flags that follow
    n bytes     permanent flags, little-endian: flag b is bit b % 8 of byte b // 8; trailing zero bytes are left off
    6 bytes …   for each short-lived flag: bit number (2 bytes), expiry in seconds since the epoch (4 bytes), big-endian

Expiry is honoured when read, to the second: nothing has to clean up.
"""

import struct

from msgspec import Struct

from rayce.profile import Bits, Profile

_PAIR = struct.Struct(">HI")


class Flags(Struct, frozen=True):
    """Permanent flags, short-lived flags as (bit, expiry in s), and the moment of the last event, in s."""

    as_of_s: int = 0
    permanent: Bits = 0
    short_lived: tuple[tuple[int, int], ...] = ()

    def bits(self, now_ms: int) -> list[int]:
        """Bit numbers in force at `now_ms`, ascending."""
        found = _set_bits(self.permanent)
        if self.short_lived:
            found += [bit for bit, expires_at_s in self.short_lived if now_ms < expires_at_s * 1000]
            found.sort()
        return found


def pack_flags(profile: Profile) -> bytes:
    """The flags of a profile as stored in Redis."""
    permanent = profile.flags.to_bytes((profile.flags.bit_length() + 7) // 8, "little")
    head = (profile.last_ms // 1000).to_bytes(4, "big") + bytes([len(permanent)])
    return b"".join((head, permanent, *(_PAIR.pack(bit, until) for bit, until in profile.short_lived)))


def unpack_flags(data: bytes) -> Flags:
    """Inverse of `pack_flags`; anything else counts as no flags.

    >>> unpack_flags(pack_flags(Profile(last_ms=5000, flags=5, short_lived=((1, 9),)))).bits(8000)
    [0, 1, 2]
    """
    end = 5 + data[4] if len(data) > 4 else 5
    if len(data) < end or (len(data) - end) % _PAIR.size:
        return Flags()
    short_lived = tuple(_PAIR.iter_unpack(data[end:])) if len(data) > end else ()
    return Flags(int.from_bytes(data[:4], "big"), int.from_bytes(data[5:end], "little"), short_lived)


def _set_bits(value: Bits) -> list[int]:
    found = []
    while value:
        low = value & -value
        found.append(low.bit_length() - 1)
        value ^= low
    return found
