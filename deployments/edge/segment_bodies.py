"""Bodies of `GET /v1/users/{user_id}/segments`, put together from parts that were encoded before.

What a value of packed flags says is kept until the next of its short-lived flags ends; only the user's id and the age are new
each time. The bytes are those that encoding `Segments` gives.
"""

from typing import NamedTuple

import msgspec

from deployments.edge.schemas import Segments
from rayce.segments.catalogue import Catalogue
from rayce.segments.flags import unpack_flags

MAX_KEPT = 50_000
KEPT_MS = 60_000
"""The moment of the last event is told in a way that depends on now, if only by years: worked out anew each minute."""

_encode = msgspec.json.Encoder().encode


class _Said(NamedTuple):
    from_ms: int
    until_ms: int
    as_of_s: int
    middle: bytes


class SegmentBodies:
    """Bounded; begins anew with each catalogue. Belongs to one event loop."""

    def __init__(self) -> None:
        self._catalogue: Catalogue | None = None
        self._said: dict[bytes, _Said] = {}
        self._middles: dict[tuple[int, ...], bytes] = {}

    def body(self, user: str, flags: bytes, catalogue: Catalogue, now_ms: int) -> bytes:
        """The body for a user with these packed flags."""
        if catalogue is not self._catalogue:
            self._catalogue = catalogue
            self._said.clear()
            self._middles.clear()
        said = self._said.get(flags)
        if said is None or not said.from_ms <= now_ms < said.until_ms:
            said = self._say(flags, catalogue, now_ms)
        age_s = now_ms / 1000 - said.as_of_s
        return b'{"user_id":%b%b%b}' % (_encode(user), said.middle, _encode(age_s if age_s > 0.0 else 0.0))

    def _say(self, flags: bytes, catalogue: Catalogue, now_ms: int) -> _Said:
        found = unpack_flags(flags, now_ms // 1000)
        names = catalogue.names
        bits = tuple([bit for bit in found.bits(now_ms) if bit in names])
        ends = [until_s * 1000 for _bit, until_s in found.short_lived if until_s * 1000 > now_ms]
        said = _Said(now_ms, min([*ends, now_ms + KEPT_MS]), found.as_of_s, self._middle(bits, catalogue))
        if len(self._said) >= MAX_KEPT:
            self._said.clear()
        self._said[flags] = said
        return said

    def _middle(self, bits: tuple[int, ...], catalogue: Catalogue) -> bytes:
        """From behind the user's id to before the age."""
        middle = self._middles.get(bits)
        if middle is None:
            names = [catalogue.names[bit] for bit in bits]
            whole = _encode(Segments("", names, list(bits), catalogue.version, None))
            middle = whole.removeprefix(b'{"user_id":""').removesuffix(b"null}")
            if len(self._middles) >= MAX_KEPT:
                self._middles.clear()
            self._middles[bits] = middle
        return middle
