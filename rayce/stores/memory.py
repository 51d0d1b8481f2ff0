"""Stores in one process' memory: for tests and for trying things out. They keep the same promises, but nothing on disk."""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from uuid import uuid4
from zlib import crc32

from rayce.consent import PERSONALIZATION, Consent
from rayce.errors import Fenced, InvalidInput, Unavailable
from rayce.pseudonym import digest_of
from rayce.segments.flags import HEADER_BYTES, split_value, unpack_flags, with_consent
from rayce.segments.listing import Listing
from rayce.stores.interfaces import (
    Hearing,
    HotRow,
    Kept,
    Lean,
    Lease,
    Members,
    Place,
    Save,
    Shown,
    StoredProfile,
    check_atomic,
    check_segment,
)

PROBE_EVERY_S = 0.1


class MemoryDurable:
    """`Durable`. `away` makes every call raise `Unavailable`, as a store that is down would."""

    def __init__(self, flipped: Callable[[str, int], None] = lambda name, number: None) -> None:
        """`flipped` is told what was made live, once it is."""
        self._flipped = flipped
        self.away = False
        self._lock = threading.Lock()
        self._epochs: dict[int, int] = {}
        self._tallies: dict[int, bytes] = {}
        self._profiles: dict[str, StoredProfile] = {}
        self._consents: dict[str, Consent] = {}
        self._items: dict[tuple[str, str], bytes] = {}
        self._generations: dict[tuple[str, int], dict[str, bytes]] = {}
        self._issued: dict[str, int] = {}
        self._live: dict[str, int] = {}
        self._lists: dict[tuple[int, str], bytes] = {}

    def create(self) -> None:
        """Nothing to make."""

    def acquire(self, partition: int) -> Lease:
        """See `DurableProfiles.acquire`."""
        self._answer()
        with self._lock:
            self._epochs[partition] = self._epochs.get(partition, 0) + 1
            return Lease(self._epochs[partition], self._tallies.get(partition, b""))

    def load_profiles(self, persons: Collection[str]) -> dict[str, StoredProfile]:
        """See `DurableProfiles.load_profiles`."""
        self._answer()
        return {person: self._profiles[person] for person in persons if person in self._profiles}

    def save_profiles(self, partition: int, epoch: int, saves: Sequence[Save], tally: bytes | None = None) -> None:
        """See `DurableProfiles.save_profiles`."""
        if tally is not None:
            check_atomic(saves, tally)
        self._answer()
        with self._lock:
            if self._epochs.get(partition) != epoch:
                raise Fenced(partition, epoch)
            if any(self._newer(partition, save) for save in saves):
                raise Fenced(partition, epoch)
            for person, state, offset in saves:
                self._profiles[person] = StoredProfile(state, partition, offset)
            if tally is not None:
                self._tallies[partition] = tally

    def scan_profiles(self, segment: int, segments: int) -> Iterator[tuple[str, StoredProfile]]:
        """See `DurableProfiles.scan_profiles`."""
        check_segment(segment, segments)
        self._answer()
        with self._lock:
            found = list(self._profiles.items())
        return (row for row in found if crc32(row[0].encode()) % segments == segment)

    def _newer(self, partition: int, save: Save) -> bool:
        had = self._profiles.get(save.person)
        return had is not None and had.partition == partition and had.offset > save.offset

    def load_consents(self, persons: Collection[str]) -> dict[str, Consent]:
        """See `DurableConsents.load_consents`."""
        self._answer()
        return {person: self._consents[person] for person in persons if person in self._consents}

    def save_consent(self, person: str, consent: Consent) -> None:
        """See `DurableConsents.save_consent`."""
        self._answer()
        if self._consents.get(person, consent).changed_ms <= consent.changed_ms:
            self._consents[person] = consent

    def save_items(self, tenant: str, items: Mapping[str, bytes]) -> None:
        """See `DurableItems.save_items`."""
        self._answer()
        self._items.update({(tenant, item_id): body for item_id, body in items.items()})

    def load_items(self, tenant: str, item_ids: Collection[str]) -> dict[str, bytes]:
        """See `DurableItems.load_items`."""
        self._answer()
        return {i: self._items[tenant, i] for i in item_ids if (tenant, i) in self._items}

    def delete_items(self, tenant: str, item_ids: Collection[str]) -> None:
        """See `DurableItems.delete_items`."""
        self._answer()
        for item_id in item_ids:
            self._items.pop((tenant, item_id), None)

    def all_items(self, tenant: str) -> Iterable[tuple[str, bytes]]:
        """See `DurableItems.all_items`."""
        self._answer()
        return [(item_id, body) for (owner, item_id), body in sorted(self._items.items()) if owner == tenant]

    def publish(self, name: str, files: Mapping[str, bytes]) -> int:
        """See `DurableGenerations.publish`."""
        self._answer()
        self._issued[name] = number = self._issued.get(name, 0) + 1
        self._generations[name, number] = dict(files)
        return number

    def make_live(self, name: str, number: int) -> None:
        """See `DurableGenerations.make_live`."""
        self._answer()
        self.load_generation(name, number)
        self._live[name] = number
        self._flipped(name, number)

    def live(self, prefix: str = "") -> dict[str, int]:
        """See `DurableGenerations.live`."""
        self._answer()
        return {name: number for name, number in self._live.items() if name.startswith(prefix)}

    def load_generation(self, name: str, number: int) -> dict[str, bytes]:
        """See `DurableGenerations.load_generation`."""
        self._answer()
        if (name, number) not in self._generations:
            raise InvalidInput(f"there is no complete generation {number} of {name}", "generation", number)
        return self._generations[name, number]

    def numbers(self, name: str) -> list[int]:
        """See `DurableGenerations.numbers`."""
        self._answer()
        return sorted(number for owner, number in self._generations if owner == name)

    def prune(self, name: str, keep: int) -> None:
        """See `DurableGenerations.prune`."""
        numbers = self.numbers(name)
        kept = {*numbers[max(0, len(numbers) - keep) :], self._live.get(name)}
        for number in numbers:
            if number not in kept:
                del self._generations[name, number]

    def save_lists(self, generation: int, lists: Iterable[tuple[str, bytes]]) -> None:
        """See `DurableLists.save_lists`."""
        self._answer()
        self._lists.update({(generation, person): body for person, body in lists})

    def load_lists(self, generation: int, persons: Collection[str]) -> dict[str, bytes]:
        """See `DurableLists.load_lists`."""
        self._answer()
        return {p: self._lists[generation, p] for p in persons if (generation, p) in self._lists}

    def _answer(self) -> None:
        if self.away:
            raise Unavailable("memory", "switched away")


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
