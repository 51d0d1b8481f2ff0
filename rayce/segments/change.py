"""A change of membership as it is told on `rayce.segment-changes`: who entered and left which segments, and why.

One JSON object (docs/segment-changes.md). Fields are only ever added; `tests/rayce/golden/` keeps an example of every version.
"""

from typing import Protocol

import msgspec
from msgspec import Struct

from rayce.errors import InvalidInput
from rayce.segments.bits import set_bits

VERSION = 1

ShortLived = tuple[tuple[int, int], ...]
"""(bit, expiry in seconds since the epoch), by bit."""


class Cause(Struct, frozen=True):
    """The event that did it, and where in `rayce.events` it stands; `timestamp_ms` is the event's own time."""

    event_id: str
    type: str
    partition: int
    offset: int
    timestamp_ms: int


class Entered(Struct, frozen=True, omit_defaults=True):
    """A segment that the person is in from now on; `expires_at` (seconds since the epoch) of the short-lived ones only."""

    name: str
    expires_at: int | None = None


class SegmentChange(Struct, frozen=True):
    """What an event changed. `before` and `after` are all permanent flags in hexadecimal: bit n set = in the segment n."""

    version: int
    person: str
    tenant: str
    catalogue: str
    cause: Cause
    before: str
    after: str
    entered: tuple[Entered, ...] = ()
    left: tuple[str, ...] = ()


class Flagged(Protocol):
    """Flags as a profile has them."""

    @property
    def flags(self) -> int:
        """Permanent flags as an integer."""

    @property
    def short_lived(self) -> ShortLived:
        """The short-lived ones."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(SegmentChange)


def difference(
    before: Flagged, after: Flagged, now_ms: int, names: dict[int, str]
) -> tuple[tuple[Entered, ...], tuple[str, ...]]:
    """Who is in what after an event at `now_ms` and was not before, and the other way round; by bit.

    Membership that had run out by then counts as none; that it runs out, or is prolonged, is no change.
    """
    if before.flags == after.flags and _only_prolonged(before.short_lived, after.short_lived, now_ms):
        return (), ()
    was, is_ = _in_force(before.short_lived, now_ms), _in_force(after.short_lived, now_ms)
    entered: dict[int, int | None] = {bit: is_[bit] for bit in is_.keys() - was.keys()}
    entered.update(dict.fromkeys(set_bits(after.flags & ~before.flags)))
    left = {*(was.keys() - is_.keys()), *set_bits(before.flags & ~after.flags)}
    return (
        tuple(Entered(_name(bit, names), entered[bit]) for bit in sorted(entered)),
        tuple(_name(bit, names) for bit in sorted(left)),
    )


def encode_change(change: SegmentChange) -> bytes:
    """The record's value."""
    return _encoder.encode(change)


def decode_change(data: bytes) -> SegmentChange:
    """Inverse of `encode_change` for every version up to ours, and for newer ones as far as we know them; `InvalidInput`."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"not a segment change: {error}", "value", data[:64]) from None


def _only_prolonged(before: ShortLived, after: ShortLived, now_ms: int) -> bool:
    """The usual case, at nearly every event: the same ones, in force before and now."""
    if len(before) != len(after):
        return False
    for (bit, until), (now_bit, now_until) in zip(before, after):  # noqa: B905  # of equal length; a hot loop
        if bit != now_bit or until * 1000 <= now_ms or now_until * 1000 <= now_ms:
            return False
    return True


def _in_force(short_lived: ShortLived, now_ms: int) -> dict[int, int]:
    """Bit to expiry."""
    return {bit: until for bit, until in short_lived if until * 1000 > now_ms}


def _name(bit: int, names: dict[int, str]) -> str:
    """A bit that the catalogue does not know any more goes by its number."""
    return names.get(bit, f"bit {bit}")
