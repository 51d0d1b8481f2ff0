"""Packed flags: the consent and all segments of a person in one small binary value, version 2.

    bytes 0-2   header, 24 bits, big-endian:
                bits 0-2    purposes allowed: 1 personalization, 2 training, 4 marketing
                bit  3      1: the consent is known; 0: it is not, and the purposes are 0
                bit  4      1: a short-lived part follows
                bits 5-23   moment of the last event: units of 8 minutes since the epoch, modulo 2**19 (about 8 years);
                            0: there are no flags, the header is all there is (a moment that would be 0 is one unit earlier)
    short-lived part, only with bit 4:
      4 bytes   moment of the last event to the second, big-endian
      1 byte    k, the number of short-lived flags
      k x 6     bit number (2 bytes), expiry in seconds since the epoch (4 bytes), big-endian
    the rest    permanent flags, little-endian: flag b is bit b % 8 of byte b // 8; trailing zero bytes are left off

64 flags without short-lived ones are 11 bytes. Expiry is honoured when read, to the second: nothing has to clean up. What has
expired stays in the value until the person's next event, or until leaner ones (`lean_flags`) take its place. Anything malformed
counts as no flags and unknown consent.
The scripts beside `rayce.stores.redis_scripts` know the header too.
"""

import struct

from msgspec import Struct

from rayce.consent import Consent
from rayce.profile import Bits, Profile

HEADER_BYTES = 3
UNIT_S = 480
MAX_SHORT_LIVED = 255
AHEAD_S = 86_400
"""A moment is taken for the latest possible one that is at most this far after now: clocks differ."""

_MOMENTS = 1 << 19
_SHORT_LIVED = 16
_MOMENT_SHIFT = 5
_CONSENT_BITS = 15
_MAX_S = 2**32 - 1
_EXACT = struct.Struct(">IB")
_PAIR = struct.Struct(">HI")
_EXACT_END = HEADER_BYTES + _EXACT.size

_CONSENTS = (*(None,) * 8, *map(Consent, range(8)))
"""By the low four bits of the header."""
_WITHOUT_CONSENT = tuple(bytes([low & ~_CONSENT_BITS]) for low in range(256))


class Flags(Struct, frozen=True):
    """Permanent flags, short-lived flags as (bit, expiry in s), and the moment of the last event, in s.

    Without short-lived flags the moment is up to 8 minutes before the true one.
    """

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

    def mask(self, now_ms: int) -> Bits:
        """The same as an integer: bit n set = in the segment with bit n.

        >>> Flags(permanent=1, short_lived=((2, 9), (5, 3))).mask(8000)
        5
        """
        found = self.permanent
        for bit, expires_at_s in self.short_lived:
            if now_ms < expires_at_s * 1000:
                found |= 1 << bit
        return found


def mask_of(profile: Profile | None, now_ms: int) -> Bits:
    """A profile's flags in force at `now_ms`, as `Flags.mask` tells them; 0 for nobody."""
    return 0 if profile is None else Flags(0, profile.flags, profile.short_lived).mask(now_ms)


def pack_flags(profile: Profile) -> bytes:
    """The flags of a profile; the consent is left unknown: see `with_consent`. At most 255 short-lived flags are kept."""
    as_of_s = min(max(profile.last_ms // 1000, 0), _MAX_S)
    head = (as_of_s // UNIT_S % _MOMENTS or _MOMENTS - 1) << _MOMENT_SHIFT
    permanent = profile.flags.to_bytes((profile.flags.bit_length() + 7) // 8, "little")
    if not profile.short_lived:
        return head.to_bytes(HEADER_BYTES, "big") + permanent
    pairs = profile.short_lived[:MAX_SHORT_LIVED]
    exact = _EXACT.pack(as_of_s, len(pairs))
    packed = [_PAIR.pack(bit, until) for bit, until in pairs]
    return b"".join(((head | _SHORT_LIVED).to_bytes(HEADER_BYTES, "big"), exact, *packed, permanent))


def lean_flags(flags: bytes, now_s: int) -> bytes:
    """The same flags without the short-lived ones that have expired by `now_s`; the same bytes where none has.

    From then on both read the same, but for the moment of the last event, which without short-lived flags is less exact.

    >>> lean_flags(pack_flags(Profile(last_ms=5000, flags=5, short_lived=((1, 9),))), 9) == pack_flags(
    ...     Profile(last_ms=5000, flags=5)
    ... )
    True
    """
    if not _well_formed(flags) or not flags[2] & _SHORT_LIVED:
        return flags
    end = _EXACT_END + _PAIR.size * flags[_EXACT_END - 1]
    pairs = [pair for pair in _PAIR.iter_unpack(flags[_EXACT_END:end]) if pair[1] > now_s]
    permanent = flags[end:]
    if len(pairs) == flags[_EXACT_END - 1]:
        return flags
    if not pairs:
        return flags[:2] + bytes((flags[2] & ~_SHORT_LIVED,)) + permanent
    exact = flags[HEADER_BYTES : _EXACT_END - 1] + bytes((len(pairs),))
    return b"".join((flags[:HEADER_BYTES], exact, *(_PAIR.pack(*pair) for pair in pairs), permanent))


def unpack_flags(data: bytes, now_s: int) -> Flags:
    """Inverse of `pack_flags` for a person whose last event is at most 8 years before and a day after `now_s`.

    >>> unpack_flags(pack_flags(Profile(last_ms=5000, flags=5, short_lived=((1, 9),))), now_s=8).bits(8000)
    [0, 1, 2]
    """
    if not _well_formed(data):
        return Flags()
    head = int.from_bytes(data[:HEADER_BYTES], "big")
    if head & _SHORT_LIVED:
        as_of_s, count = _EXACT.unpack_from(data, HEADER_BYTES)
        end = _EXACT_END + _PAIR.size * count
        return Flags(as_of_s, int.from_bytes(data[end:], "little"), tuple(_PAIR.iter_unpack(data[_EXACT_END:end])))
    moment = head >> _MOMENT_SHIFT
    latest = (now_s + AHEAD_S) // UNIT_S
    as_of_s = (latest - (latest - moment) % _MOMENTS) * UNIT_S if moment else 0
    return Flags(max(0, as_of_s), int.from_bytes(data[HEADER_BYTES:], "little"))


def with_consent(flags: bytes | None, purposes: int | None) -> bytes:
    """The value as hot memory keeps it: `pack_flags` with the purposes allowed, or just these; None: not known.

    >>> split_value(with_consent(pack_flags(Profile(flags=1)), 3))[0]
    Consent(purposes=3, changed_ms=0)
    """
    known = 0 if purposes is None else 8 | purposes
    if flags is None:
        return bytes((0, 0, known))
    return flags[:2] + bytes((flags[2] & ~_CONSENT_BITS | known,)) + flags[HEADER_BYTES:]


def split_value(data: bytes) -> tuple[Consent | None, bytes | None]:
    """Consent (without its moment; None: not known) and flags (None: there are none): inverse of `with_consent`."""
    if not _well_formed(data):
        return None, None
    low = data[2]
    consent = _CONSENTS[low & _CONSENT_BITS]
    if len(data) == HEADER_BYTES and not (low >> _MOMENT_SHIFT or data[0] or data[1]):
        return consent, None
    return consent, data[:2] + _WITHOUT_CONSENT[low] + data[HEADER_BYTES:]


def _well_formed(data: bytes) -> bool:
    size = len(data)
    if size < HEADER_BYTES:
        return False
    if data[2] & _SHORT_LIVED and (size < _EXACT_END or size < _EXACT_END + _PAIR.size * data[7]):
        return False
    return size == HEADER_BYTES or bool(data[0] or data[1] or data[2] >> _MOMENT_SHIFT)


def _set_bits(value: Bits) -> list[int]:
    found = []
    while value:
        low = value & -value
        found.append(low.bit_length() - 1)
        value ^= low
    return found
