"""People for the measurements of the flag view: arbitrary ids, random flags, known consent; person n is the same each time."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from rayce.consent import PERSONALIZATION, Consent
from rayce.profile import Profile
from rayce.pseudonym import Pseudonymizer
from rayce.segments.flags import pack_flags, with_consent
from rayce.stores.redis_keys import Keys
from rayce.stores.redis_socket import MAX_AT_ONCE, RedisSocket

NOW_S = 1_790_000_000
_SPREAD_S = 90 * 86_400
_KINDS = ("{n}", "customer-{x}-{n}", "{x}.{n}@shop.example", "{x:0>8}-0000-4000-8000-{n:0>12}")


class Someone(NamedTuple):
    """A person: pseudonym, consent and profile."""

    person: str
    consent: Consent
    profile: Profile


class Population:
    """`flags` random permanent flags each, and `short_lived` pairs that have expired or not."""

    def __init__(self, flags: int = 64, short_lived: int = 0) -> None:
        self._flag_bytes = (flags + 7) // 8
        self._unused = self._flag_bytes * 8 - flags
        self._short_lived = short_lived
        self._pseudonymizer = Pseudonymizer("k1", {"k1": "5e" * 32})

    def someone(self, n: int) -> Someone:
        """Person n."""
        noise = blake2b(b"%d" % n, digest_size=self._flag_bytes + 5).digest()
        user_id = _KINDS[n % len(_KINDS)].format(n=n, x=noise[-4:].hex())
        last_s = NOW_S - int.from_bytes(noise[-4:], "big") % _SPREAD_S
        profile = Profile(
            last_ms=last_s * 1000,
            flags=int.from_bytes(noise[: self._flag_bytes], "big") >> self._unused,
            short_lived=tuple((1000 + bit, last_s + 600) for bit in range(self._short_lived)),
        )
        consent = Consent(noise[-5] & 6 | PERSONALIZATION, last_s * 1000)
        return Someone(self._pseudonymizer.person("shop", user_id), consent, profile)

    def value(self, someone: Someone) -> bytes:
        """The bytes that hot memory keeps of somebody."""
        return with_consent(pack_flags(someone.profile), someone.consent.purposes)

    def fill(self, link: RedisSocket, numbers: Sequence[int], buckets: int) -> None:
        """Plain writes of the same bytes as the writer's scripts leave, in one exchange."""
        keys, commands = Keys(buckets), []
        for n in numbers:
            someone = self.someone(n)
            home = keys.home(someone.person)
            commands.append(("HSET", home.flags, home.field, self.value(someone)))
        link.ask(commands)


BATCH = MAX_AT_ONCE
