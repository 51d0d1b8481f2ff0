"""Where a person lives in hot memory. What belongs to one person is in one slot of a Redis Cluster, by the hash tag."""

from typing import NamedTuple

from rayce.pseudonym import digest_of

FIELD_BYTES = 6


class Home(NamedTuple):
    """The keys of a person, and the field within the hash of flags."""

    flags: bytes
    field: bytes
    state: bytes
    guard: bytes


class Keys:
    """Where people live, with so many buckets."""

    def __init__(self, buckets: int) -> None:
        self._buckets = buckets

    def home(self, person: str) -> Home:
        """Bucket and field are disjoint parts of the digest."""
        digest = digest_of(person)
        tag = b"{%d}" % (int.from_bytes(digest[8:], "big") % self._buckets)
        field = digest[:FIELD_BYTES]
        return Home(b"rf:" + tag, field, b"rp:%b:%b" % (tag, digest), b"rc:%b:%b" % (tag, field))

    @staticmethod
    def precomputed(generation: int, person: str) -> str:
        """Key of the precomputed list."""
        return f"rl:{generation}:{person}"
