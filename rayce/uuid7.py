"""UUID version 7 (RFC 9562, section 5.7): sortable by time. Python has it from 3.14 on."""

import os
from uuid import UUID


def uuid7(now_ms: int, noise: bytes | None = None) -> UUID:
    """A UUID of that moment; `noise` is 10 random bytes.

    >>> str(uuid7(1_767_225_600_000, bytes(10)))
    '019b76da-a800-7000-8000-000000000000'
    """
    value = now_ms << 80 | int.from_bytes(noise or os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
