"""Consent: what a person allows. Unknown counts as no.

The record is the one thing about a person that the edge writes itself: durable first, then hot, so a withdrawal takes
effect at once; the log carries it too (`consent_changed`), so the fold agrees.
"""

from msgspec import Struct

PERSONALIZATION, TRAINING, MARKETING = 1, 2, 4
PURPOSES = {"personalization": PERSONALIZATION, "training": TRAINING, "marketing": MARKETING}

_HOT_BYTES = 7


class Consent(Struct, frozen=True, array_like=True):
    """Allowed purposes as bits (`PURPOSES`) and the moment of the decision, ms since the epoch."""

    purposes: int = 0
    changed_ms: int = 0

    def allows(self, purpose: int) -> bool:
        """Whether the purpose is allowed."""
        return bool(self.purposes & purpose)

    def to_bytes(self) -> bytes:
        """One byte of purposes, six bytes of big-endian milliseconds."""
        return bytes([self.purposes]) + self.changed_ms.to_bytes(_HOT_BYTES - 1, "big")

    @classmethod
    def from_bytes(cls, data: bytes) -> "Consent":
        """Inverse of `to_bytes`; anything else counts as unknown.

        >>> Consent.from_bytes(Consent(3, 1_767_225_600_000).to_bytes())
        Consent(purposes=3, changed_ms=1767225600000)
        """
        if len(data) != _HOT_BYTES:
            return UNKNOWN
        return cls(data[0], int.from_bytes(data[1:], "big"))


UNKNOWN = Consent()
