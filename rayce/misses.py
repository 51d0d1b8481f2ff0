"""Misses: people read from durable memory, once each however many ask, by a bounded number of threads."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple, Protocol

from rayce.breaker import Breaker
from rayce.coalesce import Coalescer
from rayce.consent import PERSONALIZATION, Consent
from rayce.errors import InvalidArtifact, Unavailable
from rayce.gate import Gate
from rayce.profile import decode_profile
from rayce.segments.flags import pack_flags
from rayce.stores.interfaces import DurableConsents, DurableProfiles

PATIENCE_S = 0.25
"""Durable memory is the last resort: it counts as away only when it has failed for this long without a success."""
LATE_S = 0.05
"""A caller that has waited for so long in vain counts as a failure; one with less time says nothing about durable memory."""
BATCH, IN_FLIGHT = 100, 2
MAX_PUTTING_BACK = 4


class DurablePeople(DurableProfiles, DurableConsents, Protocol):
    """What is needed of durable memory here."""


class Stored(NamedTuple):
    """What durable memory has of one person, as hot memory keeps it; None where there is none or it is not allowed."""

    consent: Consent | None
    state: bytes | None
    flags: bytes | None
    tenant: str = ""
    """Whose person it is; "" where there is nothing to show."""


ABSENT = Stored(None, None, None)
PutBack = Callable[[Sequence[str], Sequence[Stored]], Awaitable[None]]


class Misses:
    """Reads through one gate. What durable memory itself says counts as its failure, and that it lets a patient caller wait."""

    def __init__(
        self,
        durable: DurablePeople,
        executor: Executor,
        failed: Callable[[str], None],
        put_back: PutBack,
        clock: Callable[[], float],
    ) -> None:
        """`put_back` gets what was found, in the background: nobody waits for hot memory to take it."""
        self._durable = durable
        self._executor = executor
        self._failed = failed
        self._put_back = put_back
        self.gate = Gate(Breaker(clock, patience_s=PATIENCE_S))
        self._reads = Coalescer(self._load, in_flight=IN_FLIGHT, max_batch=BATCH)
        self._putting_back: set[asyncio.Task[None]] = set()

    async def get(self, person: str, within_s: float | None) -> Stored:
        """What there is of the person. `Unavailable` when durable memory cannot tell in time."""
        if not self.gate.allows(lambda: self._fetched((person,))):
            raise Unavailable("dynamodb", "left alone after a failure")
        try:
            async with asyncio.timeout(within_s):
                return await self._reads.get(person)
        except TimeoutError:
            if within_s is not None and within_s >= LATE_S:
                self.gate.failed()
            raise Unavailable("dynamodb", f"no answer within {within_s} s") from None

    async def _load(self, persons: Sequence[str]) -> Sequence[Stored]:
        try:
            found = await self.gate.through(lambda: self._fetched(persons))
        except Unavailable as error:
            self._failed(error.store)
            raise
        self._return(persons, found)
        return found

    async def _fetched(self, persons: Sequence[str]) -> Sequence[Stored]:
        return await asyncio.get_running_loop().run_in_executor(self._executor, load_stored, self._durable, persons)

    def _return(self, persons: Sequence[str], found: Sequence[Stored]) -> None:
        if len(self._putting_back) < MAX_PUTTING_BACK:  # else the next miss of the same people does it
            task = asyncio.ensure_future(self._put_back(persons, found))
            self._putting_back.add(task)
            task.add_done_callback(self._putting_back.discard)


def load_stored(durable: DurablePeople, persons: Sequence[str]) -> list[Stored]:
    """One row a person (blocking). The profile of who does not allow personalization is not even read."""
    consents = durable.load_consents(persons)
    allowed = [p for p in persons if p in consents and consents[p].allows(PERSONALIZATION)]
    profiles = durable.load_profiles(allowed) if allowed else {}
    return [stored(consents.get(p), profiles[p].state if p in profiles else None) for p in persons]


def stored(consent: Consent | None, state: bytes | None) -> Stored:
    """What hot memory may have of who has this consent and state: no state without a consent that allows it.

    A profile without events shows nothing, and so does one that cannot be read.
    """
    if consent is None:
        return ABSENT
    if state is None or not consent.allows(PERSONALIZATION):
        return Stored(consent, None, None)
    try:
        profile = decode_profile(state)
    except InvalidArtifact:
        return Stored(consent, None, None)
    return (
        Stored(consent, state, pack_flags(profile), profile.tenant) if profile.events else Stored(consent, None, None)
    )
