"""Durable memory in this process: for tests and for trying things out. It keeps the same promises, but nothing on disk."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from zlib import crc32

from rayce.consent import Consent
from rayce.errors import Fenced, InvalidInput, Unavailable
from rayce.stores.interfaces import (
    Lease,
    Save,
    StoredProfile,
    check_atomic,
    check_not_live,
    check_note,
    check_segment,
    staying,
)


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
        self._were_live: set[tuple[str, int]] = set()
        self._lists: dict[tuple[int, str], bytes] = {}
        self._notes: dict[tuple[str, str], bytes] = {}

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

    def issue(self, name: str) -> int:
        """See `DurableGenerations.issue`."""
        self._answer()
        self._issued[name] = number = self._issued.get(name, 0) + 1
        return number

    def publish(self, name: str, files: Mapping[str, bytes], number: int | None = None) -> int:
        """See `DurableGenerations.publish`."""
        self._answer()
        number = self.issue(name) if number is None else number
        self._generations[name, number] = dict(files)
        return number

    def make_live(self, name: str, number: int) -> None:
        """See `DurableGenerations.make_live`."""
        self._answer()
        self.load_generation(name, number)
        self._were_live.add((name, number))
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

    def were_live(self, name: str) -> list[int]:
        """See `DurableGenerations.were_live`."""
        return [number for number in self.numbers(name) if (name, number) in self._were_live]

    def prune(self, name: str, keep: int) -> None:
        """See `DurableGenerations.prune`."""
        numbers = self.numbers(name)
        kept = staying(numbers, self.were_live(name), self._live.get(name), keep)
        for number in numbers:
            if number not in kept:
                del self._generations[name, number]

    def unfinished(self, name: str) -> list[int]:
        """See `DurableGenerations.unfinished`: here they are written at once."""
        self._answer()
        return []

    def delete_generation(self, name: str, number: int) -> None:
        """See `DurableGenerations.delete_generation`."""
        self._answer()
        check_not_live(self._live, name, number)
        self._generations.pop((name, number), None)

    def save_lists(self, generation: int, lists: Iterable[tuple[str, bytes]]) -> None:
        """See `DurableLists.save_lists`."""
        self._answer()
        self._lists.update({(generation, person): body for person, body in lists})

    def load_lists(self, generation: int, persons: Collection[str]) -> dict[str, bytes]:
        """See `DurableLists.load_lists`."""
        self._answer()
        return {p: self._lists[generation, p] for p in persons if (generation, p) in self._lists}

    def drop_lists(self, below: int, kept: Collection[int], dry_run: bool = False) -> int:
        """See `DurableLists.drop_lists`."""
        self._answer()
        doomed = [key for key in self._lists if key[0] < below and key[0] not in kept]
        for key in () if dry_run else doomed:
            del self._lists[key]
        return len(doomed)

    def save_note(self, book: str, key: str, body: bytes) -> None:
        """See `DurableNotes.save_note`."""
        check_note(body)
        self._answer()
        self._notes[book, key] = body

    def load_notes(self, book: str) -> dict[str, bytes]:
        """See `DurableNotes.load_notes`."""
        self._answer()
        return {key: body for (owner, key), body in sorted(self._notes.items()) if owner == book}

    def _answer(self) -> None:
        if self.away:
            raise Unavailable("memory", "switched away")
