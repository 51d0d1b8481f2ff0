"""Event ids that are the same at every start, so what is sent again is recognised as sent before."""

from hashlib import blake2b

_RANDOM_BITS = 74


def event_id(name: str, at_ms: int) -> str:
    """A UUID of version 7's shape (RFC 9562, 5.7): the time in its upper 48 bits, a digest of `name` as its random bits.

    >>> event_id("basket-31198570044", 1767225600000)
    '019b76da-a800-7eb9-b4c7-058b1910f9a9'
    """
    digest = int.from_bytes(blake2b(name.encode(), digest_size=10).digest(), "big") >> (80 - _RANDOM_BITS)
    high = (at_ms << 16) | 0x7000 | (digest >> 62)
    low = (0b10 << 62) | (digest & (1 << 62) - 1)
    text = f"{high:016x}{low:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
