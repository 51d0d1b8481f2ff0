"""Where a person lives in hot memory. What belongs to one person is in one slot of a Redis Cluster, by the hash tag."""

from typing import NamedTuple

from rayce.pseudonym import DIGEST_BYTES, digest_of

FIELD_BYTES = 6
TAGS = 1_024
"""Hash tags that buckets share: enough to spread over a cluster's nodes, few enough to walk a membership list that is cut into
as many sets. Never changed on a filled view."""


class Home(NamedTuple):
    """The keys of a person, and the field within the hash of flags."""

    flags: bytes
    field: bytes
    state: bytes
    guard: bytes


class Keys:
    """Where people live, with so many buckets."""

    def __init__(self, buckets: int) -> None:
        self.buckets = buckets

    def home(self, person: str) -> Home:
        """Bucket and field are disjoint parts of the digest."""
        digest = digest_of(person)
        rest, tag = divmod(int.from_bytes(digest[8:], "big") % self.buckets, TAGS)
        field = digest[:FIELD_BYTES]
        return Home(
            b"rf:{%d}:%d" % (tag, rest), field, b"rp:{%d}:%b" % (tag, digest), b"rc:{%d}:%d:%b" % (tag, rest, field)
        )

    def bucket(self, number: int) -> bytes:
        """Key of a bucket of flags."""
        rest, tag = divmod(number, TAGS)
        return b"rf:{%d}:%d" % (tag, rest)

    def list_of(self, person: str, bit: int, tenant: str) -> bytes:
        """Key of the set in which the person is, if it is in the segment."""
        return self.list_part(int.from_bytes(digest_of(person)[8:], "big") % self.buckets % TAGS, bit, tenant)

    @staticmethod
    def list_part(tag: int, bit: int, tenant: str) -> bytes:
        """Key of the part of a membership list that is with this tag."""
        return b"rm:{%d}:%d:%b" % (tag, bit, tenant.encode())

    @staticmethod
    def member(person: str) -> bytes:
        """A person as membership lists have it: the digest, then the key's id."""
        return digest_of(person) + person[: -2 * DIGEST_BYTES - 1].encode()

    @staticmethod
    def person(member: bytes) -> str:
        """Inverse of `member`.

        >>> Keys.person(Keys.member("k1:" + "5e" * 16))
        'k1:5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e'
        """
        return f"{member[DIGEST_BYTES:].decode()}:{member[:DIGEST_BYTES].hex()}"

    @staticmethod
    def precomputed(generation: int, person: str) -> str:
        """Key of the precomputed list."""
        return f"rl:{generation}:{person}"
