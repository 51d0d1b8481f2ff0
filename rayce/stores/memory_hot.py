"""Hot memory in this process: the same promises as Redis, for tests and small programs."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from uuid import uuid4

from rayce.consent import PERSONALIZATION, Consent
from rayce.errors import InvalidInput, Unavailable
from rayce.pseudonym import digest_of
from rayce.segments.flags import HEADER_BYTES, split_value, unpack_flags, with_consent
from rayce.segments.listing import Listing
from rayce.stores.interfaces import (
    Hearing,
    HotRow,
    Kept,
    Lean,
    Members,
    Place,
    Shown,
)

PROBE_EVERY_S = 0.1


class MemoryHot:
    """`HotWriter`, `HotBuckets` and `HotReader` in one. `away` makes every call raise `Unavailable`."""

    def __init__(self, now_ms: Callable[[], int] = lambda: 0, decision_ttl_s: int = 86_400) -> None:
        """A decision guards against older ones for `decision_ttl_s` by the clock `now_ms`, which stands still by default."""
        self._away = False
        self._hearings: dict[Hearing, asyncio.AbstractEventLoop] = {}
        self._now_ms = now_ms
        self._decision_ttl_ms = decision_ttl_s * 1000
        self.wipe()

    @property
    def away(self) -> bool:
        """Whether it is switched off: then nobody hears anything."""
        return self._away

    @away.setter
    def away(self, away: bool) -> None:
        self._away = away
        for hearing, loop in list(self._hearings.items()):
            loop.call_soon_threadsafe(hearing.hears, not away)

    def wipe(self) -> None:
        """Lose everything, as a failed-over Redis may."""
        self._name = ""
        self._values: dict[str, bytes] = {}
        self._states: dict[str, bytes] = {}
        self._guards: dict[str, tuple[Consent, int]] = {}
        self._lists: dict[tuple[int, str], bytes] = {}
        self._statuses: dict[str, bytes] = {}
        self._members: dict[tuple[str, int], set[str]] = {}

    def show(self, rows: Sequence[Shown]) -> None:
        """See `HotWriter.show`."""
        self._answer()
        for person, state, flags, decision, listing in rows:
            if decision is not None:
                self._decide(person, decision, durable=False)
            consent, had = self._known(person)
            if _denies(consent):
                flags = state = None
            if not flags or state is None:
                self._keep(person, consent, None)
                self._states.pop(person, None)
            else:
                self._keep(person, consent, flags if len(flags) >= HEADER_BYTES else had)
                self._states[person] = state
            self._relist(person, listing)
        self._tell([row.person for row in rows])

    def show_lists(self, generation: int, lists: Sequence[tuple[str, bytes]], ttl_s: int) -> None:
        """See `HotWriter.show_lists`."""
        self._answer()
        self._lists.update({(generation, person): body for person, body in lists})

    def incarnation(self) -> str:
        """See `HotWriter.incarnation`."""
        self._answer()
        self._name = self._name or uuid4().hex
        return self._name

    def put_back(self, rows: Sequence[Shown], consents: Mapping[str, Consent]) -> None:
        """See `HotWriter.put_back`."""
        self._answer()
        found = {row.person: row for row in rows}
        for person in {**consents, **found}:
            record, row = consents.get(person), found.get(person)
            consent, flags = self._known(person)
            guard = self._guard(person)
            if record and (guard is None or guard == record or guard.changed_ms < record.changed_ms):
                consent = Consent(record.purposes)
            if _denies(consent):
                self._keep(person, consent, None)
                self._states.pop(person, None)
                self._relist(person, row.listing if row else None)
                continue
            whole = row is not None and row.flags is not None and row.state is not None
            if row and whole:
                flags = flags or (row.flags if len(row.flags or b"") >= HEADER_BYTES else None)
                if row.state:
                    self._states.setdefault(person, row.state)
            self._keep(person, consent, flags)
            self._relist(person, row.listing if row else None)
        self._tell([person for person, record in consents.items() if _denies(record)])

    def place(self, person: str) -> Place:
        """See `HotWriter.place`."""
        return b"", person.encode()

    def trim(self, rows: Sequence[Lean]) -> int:
        """See `HotWriter.trim`."""
        self._answer()
        trimmed = 0
        for (_bucket, field), had, lean in rows:
            consent, flags = self._known(field.decode())
            if flags in (had, lean):
                self._keep(field.decode(), consent, lean)
                trimmed += 1
        return trimmed

    @property
    def buckets(self) -> int:
        """One is enough."""
        return 1

    def read_buckets(self, numbers: Sequence[int]) -> list[Kept]:
        """See `HotBuckets.read_buckets`."""
        self._answer()
        found = [(person, self._known(person)[1]) for person in self._values] if numbers else []
        return [Kept(self.place(person), flags) for person, flags in found if flags is not None]

    def drop_list(self, tenant: str, bit: int) -> int:
        """See `HotBuckets.drop_list`."""
        self._answer()
        return int(bool(self._members.pop((tenant, bit), None)))

    async def read_members(self, tenant: str, bit: int, cursor: str, limit: int) -> Members:
        """See `HotReader.read_members`. In order of pseudonyms; the cursor is the last one."""
        self._answer()
        if cursor and ":" not in cursor:
            raise InvalidInput("cursor: not one that a page gave", "cursor", cursor[:64])
        after = sorted(person for person in self._members.get((tenant, bit), ()) if person > cursor)
        return Members(after[:limit], after[limit - 1] if len(after) > limit else None)

    async def read_flags(self, persons: Sequence[str]) -> list[HotRow]:
        """See `HotReader.read_flags`."""
        self._answer()
        return [HotRow(*self._known(person)) for person in persons]

    async def read_states(self, persons: Sequence[str]) -> list[HotRow]:
        """See `HotReader.read_states`."""
        self._answer()
        return [HotRow(self._known(person)[0], self._states.get(person)) for person in persons]

    async def read_lists(self, generation: int, persons: Sequence[str]) -> list[bytes | None]:
        """See `HotReader.read_lists`."""
        self._answer()
        return [self._lists.get((generation, person)) for person in persons]

    def put_status(self, statuses: Mapping[str, bytes]) -> None:
        """See `HotWriter.put_status`."""
        self._answer()
        self._statuses.update(statuses)

    async def read_status(self) -> dict[str, bytes]:
        """See `HotReader.read_status`."""
        self._answer()
        return dict(self._statuses)

    async def tell_status(self, name: str, body: bytes) -> None:
        """See `HotReader.tell_status`."""
        self.put_status({name: body})

    async def forget_status(self, names: Sequence[str]) -> None:
        """See `HotReader.forget_status`."""
        self._answer()
        for name in names:
            self._statuses.pop(name, None)

    async def put_consent(self, person: str, consent: Consent, listing: Listing | None = None) -> None:
        """See `HotReader.put_consent`."""
        self._answer()
        self._decide(person, consent, durable=True)
        self._relist(person, listing)
        self._tell([person])

    async def listen(self, hearing: Hearing) -> None:
        """See `HotReader.listen`."""
        loop = asyncio.get_running_loop()
        self._hearings[hearing] = loop
        hearing.hears(not self._away)
        try:
            while True:
                await asyncio.sleep(PROBE_EVERY_S)
                if not self._away:
                    hearing.heard(time.monotonic())
        finally:
            del self._hearings[hearing]
            hearing.hears(False)

    def _tell(self, persons: Sequence[str]) -> None:
        if persons:
            for hearing, loop in list(self._hearings.items()):
                loop.call_soon_threadsafe(hearing.told, b"".join(map(digest_of, persons)))

    async def backfill(self, rows: Sequence[Shown], consents: Mapping[str, Consent]) -> None:
        """See `HotReader.backfill`."""
        self.put_back(rows, consents)

    def _answer(self) -> None:
        if self.away:
            raise Unavailable("memory", "switched away")

    def _known(self, person: str) -> tuple[Consent | None, bytes | None]:
        return split_value(self._values.get(person, b""))

    def _guard(self, person: str) -> Consent | None:
        guard, until_ms = self._guards.get(person, (None, 0))
        return guard if self._now_ms() < until_ms else None

    def _keep(self, person: str, consent: Consent | None, flags: bytes | None) -> None:
        if consent is None and flags is None:
            self._values.pop(person, None)
        else:
            self._values[person] = with_consent(flags, consent.purposes if consent else None)

    def _relist(self, person: str, listing: Listing | None) -> None:
        """As `lists.lua` does it."""
        if listing is None:
            return
        permanent = unpack_flags(self._values.get(person, b""), 0).permanent
        for bit in listing.bits:
            members = self._members.setdefault((listing.tenant, bit), set())
            (members.add if permanent >> bit & 1 else members.discard)(person)

    def _decide(self, person: str, decision: Consent, durable: bool) -> None:
        """As `decide.lua` does it."""
        guard, denied = self._guard(person), _denies(decision)
        if guard is not None:
            ahead = guard.changed_ms - decision.changed_ms
            if ahead > 0 or (ahead == 0 and not denied):
                return
        self._guards[person] = decision, self._now_ms() + self._decision_ttl_ms
        _consent, flags = self._known(person)
        self._keep(person, decision if durable or denied else None, None if denied else flags)
        if denied:
            self._states.pop(person, None)


def _denies(consent: Consent | None) -> bool:
    return consent is not None and not consent.allows(PERSONALIZATION)
