"""What the edge asks its replicas, what they answer, and how both travel: one call carries many as one MessagePack text.

Ray pickles what it is given; a list of tuples of structs costs it several times what one `bytes` does (docs/decisions/0014).
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from rayce.candidates import Wish
from rayce.circumstances import Circumstances
from rayce.ranking import Ranked


class ReadAsk(NamedTuple):
    """A question to the feature reader."""

    person: str
    generation: int
    """Of the precomputed lists; 0: none is live."""
    within_ms: int = 0
    """How long the caller will wait from now on; 0: as long as the settings say."""


class ReadReply(NamedTuple):
    """Purposes allowed, encoded profile and precomputed list; None where there is none or it is not allowed."""

    purposes: int
    state: bytes | None
    precomputed: bytes | None


class RankAsk(NamedTuple):
    """A question to the ranker; hashable, so that equal questions of one tick are asked once."""

    tenant: str
    state: bytes | None
    precomputed: bytes | None
    wish: Wish
    now_ms: int
    who: str = ""
    """Decides which model ranks (`rayce.model_routing`): the pseudonym, or what stands for the circumstances of nobody."""
    within_ms: int = 0
    """How long the caller will wait from now on; 0: as long as the settings say."""
    circumstances: Circumstances = Circumstances()
    explain: bool = False
    pool: bool = False
    """Whether to tell all candidates with their scores before the rules."""


class Ranking(NamedTuple):
    """The items of a reply, best first; which model, generation of it and of the rules put them into this order; the segments
    in force in hexadecimal, as decisions are logged with; and where asked for all candidates.
    """

    items: list[Ranked]
    model: str = ""
    generation: int = 0
    rules: int = 0
    bits: str = ""
    pool: Sequence[tuple[str, float]] = ()


RankReply = Ranking | None
"""None: this replica has no model or shelf of the tenant, or the caller cannot be waiting any more."""

_encode = msgspec.msgpack.Encoder().encode
_read_asks = msgspec.msgpack.Decoder(list[ReadAsk])
_read_replies = msgspec.msgpack.Decoder(list[ReadReply | None])
_rank_asks = msgspec.msgpack.Decoder(list[RankAsk])
_rank_replies = msgspec.msgpack.Decoder(list[Ranking | None])


def encode_asks(asks: Sequence[ReadAsk] | Sequence[RankAsk]) -> bytes:
    """For the way to the replica."""
    return _encode(asks)


def decode_read_asks(data: bytes) -> list[ReadAsk]:
    """At the feature reader."""
    return _read_asks.decode(data)


def encode_read_replies(replies: Sequence[ReadReply | None]) -> bytes:
    """For the way back."""
    return _encode(replies)


def decode_read_replies(data: bytes) -> list[ReadReply | None]:
    """At the edge."""
    return _read_replies.decode(data)


def decode_rank_asks(data: bytes) -> list[RankAsk]:
    """At the ranker."""
    return _rank_asks.decode(data)


def encode_rank_replies(replies: Sequence[RankReply]) -> bytes:
    """For the way back."""
    return _encode(replies)


def decode_rank_replies(data: bytes) -> list[RankReply]:
    """At the edge."""
    return _rank_replies.decode(data)
