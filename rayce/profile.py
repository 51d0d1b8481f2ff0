"""A person's profile: the state that the fold keeps, and its codec.

A value: nobody but the fold makes a changed one, and the fold changes only its own copy. Bounded: no collection grows past
its limit, so a profile stays under about 32 KiB. Encoded as a MessagePack array whose first element is the version; fields
are only ever added, at the end, with a default; `tests/rayce/golden/` keeps a profile of every version.
"""

from typing import Any

import msgspec
from msgspec import Struct

from rayce.decay import HOUR_MS
from rayce.errors import InvalidArtifact

VERSION = 2

MAX_BOUGHT = 160
MAX_TOUCHED = 30
MAX_SESSION_ITEMS = 20
MAX_CART_ITEMS = 50

Bits = int
"""Permanent flags as an integer: bit n set = member of the segment with bit number n."""


class Bought(Struct, frozen=True, array_like=True):
    """What a person bought of one product: purchases, first and last moment, weight decayed to `last_ms`."""

    count: int
    first_ms: int
    last_ms: int
    weight: float


class Session(Struct, frozen=True, array_like=True):
    """The current session: its key, start and end so far, depth (events), and the last products touched, oldest first."""

    key: str = ""
    start_ms: int = 0
    last_ms: int = 0
    depth: int = 0
    items: tuple[str, ...] = ()


class Profile(Struct, array_like=True):
    """State = fold(events in partition order). `purposes` is the consent as the log knows it."""

    version: int = VERSION
    tenant: str = ""
    purposes: int = 0
    events: int = 0
    first_ms: int = 0
    last_ms: int = 0
    counts: dict[str, int] = {}
    baskets: int = 0
    spend: float = 0.0
    first_purchase_ms: int = 0
    last_purchase_ms: int = 0
    interest: float = 0.0
    """Views, clicks and cart additions, decayed to `last_ms` with a half-life of a day."""
    session: Session = Session()
    cart: dict[str, tuple[int, float]] = {}
    bought: dict[str, Bought] = {}
    touched: dict[str, tuple[int, float]] = {}
    """Products looked at: last moment, weight decayed to it with a half-life of three days."""
    flags: Bits = 0
    short_lived: tuple[tuple[int, int], ...] = ()
    """(bit, expiry in seconds since the epoch), by bit."""
    scores: dict[str, float] = {}
    recent_ids: bytes = b""
    """Ids of the last day's events, so that a repeated one counts once: see `rayce.recent_ids`."""
    states: dict[str, Any] = {}
    """What the optional features keep, by family: see `rayce.features`."""
    inputs: dict[str, int] = {}
    """By model, a checksum of the features it last scored."""
    cart_ms: dict[str, int] = {}
    """By product in the cart, when it was last put in or partly taken out."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Profile)


def encode_profile(profile: Profile) -> bytes:
    """Equal profiles give equal bytes (dictionaries keep the order in which the fold filled them)."""
    return _encoder.encode(profile)


def decode_profile(data: bytes) -> Profile:
    """Inverse of `encode_profile` for every version up to ours; `InvalidArtifact` otherwise."""
    try:
        profile = _decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidArtifact(f"not a profile: {error}", "profile", data[:32]) from None
    if profile.version != VERSION:
        _upgrade(profile)
    return profile


def _upgrade(profile: Profile) -> None:
    if profile.version > VERSION:
        raise InvalidArtifact(f"profile version {profile.version} is newer than {VERSION}", "version", profile.version)
    if profile.version == 1:  # ids were eight bytes of digest; now two bytes of the hour and six of digest
        hour = (profile.last_ms // HOUR_MS & 0xFFFF).to_bytes(2, "big")
        ids = profile.recent_ids
        profile.recent_ids = b"".join(hour + ids[at : at + 6] for at in range(0, len(ids) - 7, 8))
    profile.version = VERSION
