"""A person's profile: the state that the fold keeps, and its codec.

Bounded: no collection grows past the limits below, so a profile stays under about 16 KiB. Encoded as a MessagePack array whose
first element is the version; fields are only ever added, at the end, with a default.
"""

import msgspec
from msgspec import Struct

from rayce.errors import InvalidArtifact

VERSION = 1

MAX_BOUGHT = 160
MAX_TOUCHED = 30
MAX_SESSION_ITEMS = 20
MAX_CART_ITEMS = 50
MAX_RECENT_IDS = 64

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


class Profile(Struct, frozen=True, array_like=True):
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
    """The last event ids as 8-byte digests, oldest first: a repeated event counts once."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Profile)


def encode_profile(profile: Profile) -> bytes:
    """Equal profiles give equal bytes (dictionaries keep the order in which the fold filled them)."""
    return _encoder.encode(profile)


def decode_profile(data: bytes) -> Profile:
    """Inverse of `encode_profile` for every version up to ours; `InvalidArtifact` otherwise."""
    try:
        profile = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise InvalidArtifact(f"not a profile: {error}", "profile", data[:32]) from None
    if profile.version > VERSION:
        raise InvalidArtifact(f"profile version {profile.version} is newer than {VERSION}", "version", profile.version)
    return profile
