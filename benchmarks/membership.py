"""Who is in which segments, for the comparison with SQL: user n is in the same `per_user` of 64 segments in every store."""

from collections.abc import Iterator
from hashlib import md5

SEGMENTS = 64


def key_of(user: int) -> bytes:
    """16 bytes; what PostgreSQL gives for `decode(md5(n::text), 'hex')`, so that it can fill its table by itself."""
    return md5(str(user).encode(), usedforsecurity=False).digest()


def person_of(user: int) -> str:
    """The same as a pseudonym."""
    return f"k1:{key_of(user).hex()}"


def segments_of(user: int, per_user: int) -> list[int]:
    """Distinct ones, spread over all of them.

    >>> segments_of(0, 3), len(set(segments_of(7, 64)))
    ([0, 5, 10], 64)
    """
    return [(user * 11 + 5 * n) % SEGMENTS for n in range(per_user)]


def flags_of(user: int, per_user: int) -> int:
    """The same as bits."""
    return sum(1 << segment for segment in segments_of(user, per_user))


def rows(users: int, per_user: int, since_s: int) -> Iterator[tuple[bytes, int, int]]:
    """(key, segment, since), ordered by key: the way in which a clustered table is filled fastest."""
    for key, user in sorted((key_of(user), user) for user in range(users)):
        for segment in sorted(segments_of(user, per_user)):
            yield key, segment, since_s
