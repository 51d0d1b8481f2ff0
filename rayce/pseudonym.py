"""Pseudonyms: who a person is to everything behind the edge.

`kid:digest`, where the digest is keyed BLAKE2b (RFC 7693) over tenant and user id, 16 bytes. Without the key nobody can
go from one to the other, and the same user id of two tenants gives two people. Keys rotate by `kid`.
"""

from collections.abc import Mapping
from hashlib import blake2b

from rayce.errors import InvalidSettings

DIGEST_BYTES = 16
SESSION_BYTES = 8


class Pseudonymizer:
    """Makes pseudonyms with the current key.

    >>> p = Pseudonymizer("k1", {"k1": "00" * 32})
    >>> p.person("shop", "ada") == p.person("shop", "ada") != p.person("other", "ada")
    True
    """

    def __init__(self, current: str, keys: Mapping[str, str]) -> None:
        if current not in keys:
            raise InvalidSettings(
                f"setting `privacy.pseudonym_keys` has no key `{current}`", "privacy.pseudonym_keys", list(keys)
            )
        try:
            self._key = bytes.fromhex(keys[current])
        except ValueError:
            raise InvalidSettings(
                f"setting `privacy.pseudonym_keys.{current}` is not hexadecimal", "privacy.pseudonym_keys", "(hidden)"
            ) from None
        if not 16 <= len(self._key) <= 64:
            raise InvalidSettings(
                f"setting `privacy.pseudonym_keys.{current}` must have 32 to 128 hex digits",
                "privacy.pseudonym_keys",
                "(hidden)",
            )
        self._prefix = f"{current}:"

    def person(self, tenant: str, user_id: str) -> str:
        """The pseudonym of a tenant's user: `kid:` and 32 hex digits."""
        digest = blake2b(f"{tenant}\0{user_id}".encode(), digest_size=DIGEST_BYTES, key=self._key)
        return self._prefix + digest.hexdigest()

    def session(self, tenant: str, session_id: str) -> str:
        """The pseudonym of a session: 16 hex digits."""
        digest = blake2b(f"{tenant}\1{session_id}".encode(), digest_size=SESSION_BYTES, key=self._key)
        return digest.hexdigest()


def digest_of(person: str) -> bytes:
    """The 16 digest bytes of a pseudonym."""
    return bytes.fromhex(person[-2 * DIGEST_BYTES :])
