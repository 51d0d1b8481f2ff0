"""A decision as it is told on `rayce.decisions`: what was shown, of what it was chosen, how probably, and by which policy.

One JSON object (docs/decisions-api.md). Fields are only ever added; `tests/rayce/golden/` keeps an example of every version.
The person is a pseudonym, and only of somebody who allows personalization: "" otherwise, with no segments and no purposes.
"""

import re
from typing import Annotated, Literal
from zlib import crc32

import msgspec
from msgspec import Meta, Struct

from rayce.circumstances import Circumstances, words
from rayce.consent import TRAINING
from rayce.errors import InvalidInput
from rayce.event import Event

VERSION = 1

Kind = Literal["slot", "recommendation", "impression"]
"""A variant of a slot that was assigned, a list that was replied, and either of them when somebody has seen it."""

Probability = Annotated[float, Meta(ge=0.0, le=1.0)]
Bits = Annotated[str, Meta(max_length=16_384, pattern="^[0-9a-f]*$")]
"""Segments in force, in hexadecimal: bit n set = in the segment with bit n."""


class ShownItem(Struct, frozen=True, omit_defaults=True):
    """One item of a reply, best first; `explored`: it is there to be learned about, as chance gave it a place among candidates.

    `propensity` is how likely chance was to do that; 1 for what stands there whatever chance says.
    """

    item_id: str
    score: float = 0.0
    source: str = ""
    explored: bool = False
    propensity: Probability = 1.0


class ArmOdds(Struct, frozen=True):
    """One arm that could have been: its name, the variant it shows, and its probability."""

    arm: str
    variant: str
    propensity: Probability


class Decision(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One decision, or (of the kind `impression`) one exposure to the decision `decision_id`.

    `propensity` is of `arm` for a slot (1 where a rule or the fallback decides), and of the shown list otherwise: the product
    of its items' (1: no chance was involved). `pool` are the candidates with their scores before the rules, of a sample of
    decisions only.
    """

    version: int
    decision_id: str
    kind: Kind
    tenant: str
    at_ms: int
    person: str = ""
    purposes: int = 0
    slot: str = "default"
    context: dict[str, str] = {}
    bits: Bits = ""
    policy_id: str = ""
    rule: str = ""
    experiment: str = ""
    arm: str = ""
    variant: str = ""
    arms: tuple[ArmOdds, ...] = ()
    propensity: Probability = 1.0
    shown: tuple[ShownItem, ...] = ()
    pool: tuple[tuple[str, float], ...] = ()
    generations: dict[str, int] = {}
    rung: str = ""
    event_id: str = ""

    @property
    def circumstances(self) -> Circumstances:
        """Slot and context, as rules look at them."""
        return Circumstances(self.slot, words(self.context))

    @property
    def flags(self) -> int:
        """The segments in force: bit n set = in the segment with bit n."""
        return int(self.bits or "0", 16)

    @property
    def trainable(self) -> bool:
        """Whether models may be trained on it: it is nobody's, or the person allows that; never under Privacy Control."""
        return "gpc" not in self.context and (not self.person or bool(self.purposes & TRAINING))


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Decision)


def hex_bits(flags: int) -> str:
    """Flags as a record has them; "" for none.

    >>> hex_bits(0b1010), hex_bits(0)
    ('a', '')
    """
    return f"{flags:x}" if flags else ""


def is_pooled(decision_id: str, one_in: int) -> bool:
    """Whether this decision is of the one in so many that tell their pool: by its id, so that all agree; never for 0."""
    return one_in > 0 and crc32(decision_id.encode()) % one_in == 0


def impression_of(event: Event) -> Decision | None:
    """The exposure that an `impression` tells of; None where it names no decision of ours."""
    named = event.properties.get("decision_id")
    if event.type != "impression" or not isinstance(named, str) or not _UUID.match(named):
        return None
    return Decision(
        version=VERSION,
        decision_id=named.lower(),
        kind="impression",
        tenant=event.tenant,
        at_ms=event.timestamp_ms,
        person=event.person,
        purposes=event.consent,
        slot=str(event.context.get("slot", "")),
        variant=str(event.properties.get("variant", "")),
        shown=tuple(ShownItem(line.item_id) for line in event.items),
        event_id=event.event_id,
    )


def encode_decision(decision: Decision) -> bytes:
    """The record's value; fields that say nothing are left out."""
    return _encoder.encode(decision)


def decode_decision(data: bytes) -> Decision:
    """Inverse of `encode_decision` for every version up to ours, and for newer ones as far as we know them; `InvalidInput`."""
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"not a decision: {error}", "value", data[:64]) from None
