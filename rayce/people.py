"""People as the request path reads them: hot memory first, durable memory on a miss or when hot memory is away.

Misses are coalesced (single flight a person), bounded by a small pool of threads, and put back into hot memory. A person
without consent reads as nobody. When neither memory answers, nobody is known: unknown counts as no.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple, Protocol

from rayce.breaker import Breaker
from rayce.coalesce import Coalescer
from rayce.consent import PERSONALIZATION, UNKNOWN, Consent
from rayce.errors import InvalidArtifact, Unavailable
from rayce.profile import decode_profile
from rayce.segments.flags import pack_flags
from rayce.stores.interfaces import DurableConsents, DurableProfiles, HotReader, HotRow, Shown

MAX_BATCH = 256
ABSENT_KEPT_S = 1.0
MAX_ABSENT = 20_000


class DurablePeople(DurableProfiles, DurableConsents, Protocol):
    """What is needed of durable memory here."""


class Person(NamedTuple):
    """One person: the consent, and the encoded value (flags or state), None where there is none or it is not allowed."""

    consent: Consent
    value: bytes | None


class _Durable(NamedTuple):
    consent: Consent | None
    state: bytes | None
    flags: bytes | None


NOBODY = Person(UNKNOWN, None)
_ABSENT = _Durable(None, None, None)


class People:
    """Reads flags and states of people. Raises `Unavailable` only when no store can tell within the time given."""

    def __init__(
        self,
        hot: HotReader,
        durable: DurablePeople,
        executor: Executor,
        failed: Callable[[str], None] = lambda store: None,
    ) -> None:
        """`failed` is told the name of each store that did not answer."""
        self._hot = hot
        self._durable = durable
        self._executor = executor
        self._failed = failed
        self.hot_breaker = Breaker(time.monotonic)
        self.durable_breaker = Breaker(time.monotonic)
        self._consents = Coalescer(self._load_flags, in_flight=8, max_batch=MAX_BATCH)
        self._states = Coalescer(self._load_states, in_flight=8, max_batch=MAX_BATCH)
        self._misses = Coalescer(self._load_durable, in_flight=2, max_batch=100)
        self._absent: dict[str, tuple[float, bool]] = {}

    async def consent(self, person: str, within_s: float | None = None) -> Consent:
        """The consent alone; `UNKNOWN` where none was given. `within_s` bounds the wait for durable memory."""
        row = await self._consents.get(person)
        if row.consent is not None:
            return row.consent
        return (await self._miss(person, within_s, consent_known=False)).consent or UNKNOWN

    async def flags(self, person: str, within_s: float | None = None) -> Person:
        """Consent and packed flags. `within_s` bounds the wait for durable memory.

        The hottest read: hot memory sends what is asked for in one tick together anyway, so it is not coalesced here.
        """
        (row,) = await self._load_flags((person,))
        if row.consent is not None and (row.value is not None or not row.consent.allows(PERSONALIZATION)):
            return _allowed(row.consent, row.value)
        found = await self._miss(person, within_s, row.consent is not None)
        return _allowed(row.consent or found.consent, found.flags)

    async def state(self, person: str, within_s: float | None = None) -> Person:
        """Consent and encoded profile. `within_s` bounds the wait for durable memory."""
        row = await self._states.get(person)
        if row.consent is not None and (row.value is not None or not row.consent.allows(PERSONALIZATION)):
            return _allowed(row.consent, row.value)
        found = await self._miss(person, within_s, row.consent is not None)
        return _allowed(row.consent or found.consent, found.state)

    async def put_consent(self, person: str, consent: Consent) -> None:
        """Durable first, then hot: in force at once. `Unavailable` if it could not be made durable.

        Where hot memory is away readers take durable memory; the decision reaches the hot one through the log.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._durable.save_consent, person, consent)
        self._absent.pop(person, None)
        try:
            await self._hot.put_consent(person, consent)
        except Unavailable:
            self.hot_breaker.failed()

    async def _load_flags(self, persons: Sequence[str]) -> Sequence[HotRow]:
        return await self._from_hot(self._hot.read_flags, persons)

    async def _load_states(self, persons: Sequence[str]) -> Sequence[HotRow]:
        return await self._from_hot(self._hot.read_states, persons)

    async def _from_hot(
        self, read: Callable[[Sequence[str]], Awaitable[Sequence[HotRow]]], persons: Sequence[str]
    ) -> Sequence[HotRow]:
        if self.hot_breaker.allows():
            try:
                rows = await read(persons)
            except Unavailable as error:
                self.hot_breaker.failed()
                self._failed(error.store)
            else:
                self.hot_breaker.succeeded()
                return rows
        return [HotRow(None, None)] * len(persons)

    async def _miss(self, person: str, within_s: float | None, consent_known: bool) -> _Durable:
        """From durable memory; who has lately been found to have nothing there is not asked for again at once.

        That somebody who has consented has no events yet may be remembered only where the consent is known from elsewhere.
        """
        now = time.monotonic()
        until, nobody = self._absent.get(person, (0.0, False))
        if now < until and (nobody or consent_known) and not self.hot_breaker.is_open:
            return _ABSENT
        try:
            async with asyncio.timeout(within_s):
                found = await self._misses.get(person)
        except TimeoutError:
            raise Unavailable("dynamodb", f"no answer within {within_s} s") from None
        if found.state is None:
            if len(self._absent) >= MAX_ABSENT:
                self._absent.clear()
            self._absent[person] = (now + ABSENT_KEPT_S, found is _ABSENT)
        return found

    async def _load_durable(self, persons: Sequence[str]) -> Sequence[_Durable]:
        if not self.durable_breaker.allows():
            raise Unavailable("dynamodb", "left alone after a failure")
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._executor, self._fetch, persons)
        except Unavailable as error:
            self.durable_breaker.failed()
            self._failed(error.store)
            raise
        self.durable_breaker.succeeded()
        await self._backfill(persons, found)
        return found

    def _fetch(self, persons: Sequence[str]) -> list[_Durable]:
        consents = self._durable.load_consents(persons)
        allowed = [p for p in persons if p in consents and consents[p].allows(PERSONALIZATION)]
        profiles = self._durable.load_profiles(allowed) if allowed else {}
        rows = []
        for person in persons:
            consent, stored = consents.get(person), profiles.get(person)
            rows.append(_ABSENT if consent is None else _row(consent, stored.state if stored else None))
        return rows

    async def _backfill(self, persons: Sequence[str], found: Sequence[_Durable]) -> None:
        if self.hot_breaker.is_open:
            return
        rows = [Shown(p, f.state, f.flags) for p, f in zip(persons, found, strict=True) if f.state is not None]
        consents = {p: f.consent for p, f in zip(persons, found, strict=True) if f.consent is not None}
        try:
            await self._hot.backfill(rows, consents)
        except Unavailable:
            self.hot_breaker.failed()


def _row(consent: Consent, state: bytes | None) -> _Durable:
    """A profile without events shows nothing, and so does one that cannot be read."""
    try:
        profile = decode_profile(state) if state is not None else None
    except InvalidArtifact:
        profile = None
    if profile is None or not profile.events:
        return _Durable(consent, None, None)
    return _Durable(consent, state, pack_flags(profile))


def _allowed(consent: Consent | None, value: bytes | None) -> Person:
    if consent is None:
        return NOBODY
    return Person(consent, value if consent.allows(PERSONALIZATION) else None)
