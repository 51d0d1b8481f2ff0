"""Which events of a person were counted within the last day: the same id counts once.

Eight bytes an event, oldest first: two bytes of the hour in which it was counted (hours since the epoch modulo 65,536, by the
latest event time known then), six bytes of the id's BLAKE2b digest. Bounded twice: an id is let go a day after it was counted,
and at most the newest `MAX_IDS` are kept, so only somebody with more events than that in a day could have a repeat counted.
"""

from hashlib import blake2b

from rayce.decay import HOUR_MS

MAX_IDS = 1024
KEPT_H = 24

_ENTRY, _HOUR = 8, 2
_HOURS = 1 << 8 * _HOUR


def digest_of_id(event_id: str) -> bytes:
    """Six bytes; two ids of one person share them once in 280 million million times."""
    return blake2b(event_id.encode(), digest_size=_ENTRY).digest()[: _ENTRY - _HOUR]


def counted(ids: bytes, digest: bytes) -> bool:
    """Whether an event with this digest is among them."""
    at = ids.find(digest)
    while at >= 0 and at % _ENTRY != _HOUR:
        at = ids.find(digest, at + 1)
    return at >= 0


def count_in(ids: bytes, digest: bytes, latest_ms: int) -> bytes:
    """With this event, and without those counted more than a day before `latest_ms`, the latest event time known.

    >>> len(count_in(count_in(b"", digest_of_id("a"), 0), digest_of_id("b"), 25 * HOUR_MS))
    8
    """
    hour = latest_ms // HOUR_MS % _HOURS
    start, end = 0, len(ids)
    while start < end and (hour - int.from_bytes(ids[start : start + _HOUR], "big")) % _HOURS > KEPT_H:
        start += _ENTRY
    start = max(start, end - (MAX_IDS - 1) * _ENTRY)
    return b"".join((ids[start:] if start else ids, hour.to_bytes(_HOUR, "big"), digest))
