"""People as the request path reads them: hot memory first, durable memory on a miss or when hot memory is away.

Misses are coalesced (single flight a person), bounded by a small pool of threads, and put back into hot memory. A person
without consent reads as nobody. When neither memory answers, that is said (`Unavailable`): unknown counts as no, but it is
not the same.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

from rayce.breaker import Breaker
from rayce.coalesce import Coalescer
from rayce.consent import PERSONALIZATION, UNKNOWN, Consent
from rayce.errors import Unavailable
from rayce.gate import Gate
from rayce.misses import ABSENT, DurablePeople, Misses, Stored
from rayce.pseudonym import digest_of
from rayce.rows_cache import RowsCache
from rayce.segments.listing import Listing
from rayce.stores.interfaces import HotReader, HotRow, Shown

MAX_BATCH = 256
HOT_PATIENCE_S = 0.05
"""Hot memory that has failed for this long without a success in between counts as away: durable memory is asked at once."""
ABSENT_KEPT_S = 1.0
MAX_ABSENT = 20_000
HOT_ATTEMPTS = 2
"""A decision is told to hot memory again where its connection was broken: a reader elsewhere may still reach it."""


class Person(NamedTuple):
    """One person: the consent, and the encoded value (flags or state), None where there is none or it is not allowed."""

    consent: Consent
    value: bytes | None


NOBODY = Person(UNKNOWN, None)


class People:
    """Reads flags and states of people. Raises `Unavailable` only when no store can tell within the time given."""

    def __init__(
        self,
        hot: HotReader,
        durable: DurablePeople,
        executor: Executor,
        failed: Callable[[str], None] = lambda store: None,
        clock: Callable[[], float] = time.monotonic,
        listing_of: Callable[[str], Listing | None] = lambda tenant: None,
        rows: RowsCache | None = None,
        slow_s: float = float("inf"),
    ) -> None:
        """`failed` is told which store did not answer; `listing_of` says which membership lists a tenant has; `rows` keeps
        flags that were read, for a moment. Hot memory whose reads all take `slow_s` counts as away.
        """
        self._rows = rows
        self._listing_of = listing_of
        self._hot = hot
        self._durable = durable
        self._executor = executor
        self._failed = failed
        self._clock = clock
        self.hot_breaker = Gate(Breaker(clock, patience_s=HOT_PATIENCE_S, slow_s=slow_s), clock)
        self._states = Coalescer(self._load_states, in_flight=8, max_batch=MAX_BATCH)
        self._misses = Misses(durable, executor, failed, self._backfill, clock)
        self.durable_breaker = self._misses.gate
        self._absent: dict[str, tuple[float, bool]] = {}

    async def consent(self, person: str) -> Consent:
        """The durable record, with its moment: one read; `UNKNOWN` where none was given."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._executor, self._durable.load_consents, (person,))
        return found.get(person, UNKNOWN)

    async def purposes(self, person: str, within_s: float | None = None) -> int:
        """The purposes allowed, cheaply; 0 where nothing is known. `within_s` bounds the wait for durable memory."""
        (row,) = await self._load_flags((person,))
        if row.consent is not None:
            return row.consent.purposes
        return ((await self._miss(person, within_s, consent_known=False)).consent or UNKNOWN).purposes

    async def flags(self, person: str, within_s: float | None = None) -> Person:
        """Consent and packed flags. `within_s` bounds the wait for durable memory.

        The hottest read: hot memory sends what is asked for in one tick together anyway, so it is not coalesced here.
        """
        row = self._rows.get(person) if self._rows is not None else None
        if row is None:
            row = await self._read_row(person)
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

    def kept_flags(self, person: str) -> Person | None:
        """The same without waiting, where this process keeps them; None: ask `flags`."""
        row = self._rows.get(person) if self._rows is not None else None
        return None if row is None else _allowed(row.consent, row.value)

    async def put_consent(self, person: str, consent: Consent, tenant: str = "") -> None:
        """Durable first, then hot: in force at once. `Unavailable` if it could not be made durable.

        Who denies is taken out of the tenant's membership lists in the same step (without a `tenant`: by the worker, later).
        Where hot memory is away readers take durable memory; the decision reaches the hot one through the log.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._durable.save_consent, person, consent)
        self._absent.pop(person, None)
        try:
            for _attempt in range(HOT_ATTEMPTS):
                try:
                    await self._hot.put_consent(person, consent, self._listing_of(tenant) if tenant else None)
                except Unavailable:
                    continue
                return
            self.hot_breaker.failed()
        finally:
            if self._rows is not None:  # in force here before the bus says so to everybody
                self._rows.bus.told(digest_of(person))

    async def _read_row(self, person: str) -> HotRow:
        if self._rows is None:
            return (await self._load_flags((person,)))[0]
        token = self._rows.begin(person)
        try:
            (row,) = await self._load_flags((person,))
        except BaseException:
            self._rows.leave(person, token)
            raise
        self._rows.keep(person, token, row)
        return row

    async def _load_flags(self, persons: Sequence[str]) -> Sequence[HotRow]:
        return await self._from_hot(self._hot.read_flags, persons)

    async def _load_states(self, persons: Sequence[str]) -> Sequence[HotRow]:
        return await self._from_hot(self._hot.read_states, persons)

    async def _from_hot(
        self, read: Callable[[Sequence[str]], Awaitable[Sequence[HotRow]]], persons: Sequence[str]
    ) -> Sequence[HotRow]:
        if self.hot_breaker.allows(lambda: read(persons[:1])):
            try:
                return await self.hot_breaker.through(lambda: read(persons))
            except Unavailable as error:
                self._failed(error.store)
        return [HotRow(None, None)] * len(persons)

    async def _miss(self, person: str, within_s: float | None, consent_known: bool) -> Stored:
        """From durable memory; who has lately been found to have nothing there is not asked for again at once.

        That somebody who has consented has no events yet may be remembered only where the consent is known from elsewhere.
        """
        now = self._clock()
        until, nobody = self._absent.get(person, (0.0, False))
        if now < until and (nobody or consent_known) and not self.hot_breaker.is_open:
            return ABSENT
        found = await self._misses.get(person, within_s)
        if found.state is None:
            if len(self._absent) >= MAX_ABSENT:
                self._absent.clear()
            self._absent[person] = (now + ABSENT_KEPT_S, found is ABSENT)
        return found

    async def _backfill(self, persons: Sequence[str], found: Sequence[Stored]) -> None:
        if self.hot_breaker.is_open:
            return
        rows = [
            Shown(p, f.state, f.flags, None, self._listing_of(f.tenant))
            for p, f in zip(persons, found, strict=True)
            if f.state is not None
        ]
        consents = {p: f.consent for p, f in zip(persons, found, strict=True) if f.consent is not None}
        try:
            await self._hot.backfill(rows, consents)
        except Unavailable:
            self.hot_breaker.failed()


def _allowed(consent: Consent | None, value: bytes | None) -> Person:
    if consent is None:
        return NOBODY
    return Person(consent, value if consent.allows(PERSONALIZATION) else None)
