"""What the stores promise. `tests/contracts/` holds one suite per interface and runs it on every backend."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from rayce.consent import Consent
from rayce.errors import InvalidInput
from rayce.segments.listing import Listing

EVENTS = "rayce.events"
"""The log's topic of events; the key is the pseudonym, so one person is always one partition."""
DEAD = "rayce.events.dead"
"""Records that could not be worked off: key and value as they were, reason and position in the headers."""
CHANGES = "rayce.segment-changes"
"""Changes of membership (`rayce.segments.change`), by the person's pseudonym, in the order of the partition of `EVENTS`."""
DECISIONS = "rayce.decisions"
"""What was shown to whom (`rayce.decision`), by the person's pseudonym, partitioned as `EVENTS`."""

MODELS = "rayce.models"
"""Which generation of each name is live (`rayce.flip`), compacted by name: whoever was away reads it from the beginning."""
ITEMS = "rayce.items"
"""Which items of a catalogue changed (`rayce.item_changes`), by tenant; in one partition."""
CHANGED = "rayce:changed"
"""Hot memory's channel of changes: digests, 16 bytes each, of people whose state, flags or consent changed."""


class Record(NamedTuple):
    """One record of the log."""

    partition: int
    offset: int
    value: bytes
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class StoredProfile(NamedTuple):
    """A durable profile: encoded state, and the watermark (partition and offset of the last event folded in)."""

    state: bytes
    partition: int
    offset: int


class Save(NamedTuple):
    """One profile to be made durable: pseudonym, encoded state, offset of the last event folded in."""

    person: str
    state: bytes
    offset: int


class Lease(NamedTuple):
    """Ownership of a partition: its epoch, and what a former owner has left with it (b"" at first)."""

    epoch: int
    tally: bytes


MAX_SAVES, MAX_SAVE_BYTES = 99, 3_000_000
"""What one `save_profiles` with a tally may hold: profiles, and bytes of states and tally together."""


MAX_NOTE_BYTES = 300_000
"""What one note may hold."""


class DurableProfiles(Protocol):
    """The truth about people. Every call raises `Unavailable` when the store does not answer."""

    def acquire(self, partition: int) -> Lease:
        """Become the partition's owner: the epoch is new, every older one is fenced from now on."""
        ...

    def load_profiles(self, persons: Collection[str]) -> dict[str, StoredProfile]:
        """The known ones among `persons`, as last saved (consistent read)."""
        ...

    def save_profiles(self, partition: int, epoch: int, saves: Sequence[Save], tally: bytes | None = None) -> None:
        """Make all durable. `Fenced` if the epoch is not the partition's any more: then nothing after was written.

        Saving the same state twice is harmless; an older offset never replaces a newer one. A `tally` is kept with the
        lease and changes with the saves or not at all; a call that comes late never puts an older one back. It is given
        only through the object that acquired the epoch, by one thread at a time, with at most `MAX_SAVES` saves and
        `MAX_SAVE_BYTES` (`ValueError` above). Without one the number of saves is free, and they become durable in order.
        """
        ...

    def scan_profiles(self, segment: int, segments: int) -> Iterator[tuple[str, StoredProfile]]:
        """Everybody in one of `segments` disjoint parts (0 the first) that together hold all; read in pages, in no order.

        Who is saved meanwhile may be seen as before or as after (eventually consistent). `ValueError` for no such part.
        """
        ...


def check_atomic(saves: Sequence[Save], tally: bytes) -> None:
    """`ValueError` where a save with a tally is more than a store can do at once."""
    size = len(tally) + sum(len(save.state) for save in saves)
    if len(saves) > MAX_SAVES or size > MAX_SAVE_BYTES:
        raise ValueError(f"{len(saves)} saves of {size} bytes cannot be made durable at once with a tally")


def check_not_live(live: Mapping[str, int], name: str, number: int) -> None:
    """`InvalidInput` where that generation is live."""
    if live.get(name) == number:
        raise InvalidInput(f"generation {number} of {name} is live", "generation", number)


def staying(numbers: Sequence[int], were_live: Sequence[int], live: int | None, keep: int) -> set[int]:
    """Which generations of a name stay: the `keep` newest, the `keep` newest of those that have been live, and the live one.

    Both ascending. However many were made and never went live, those that one may want to go back to stay.

    >>> sorted(staying([1, 2, 3, 4, 5, 6], [1, 2, 3], 3, 2))
    [2, 3, 5, 6]
    """
    newest = [*numbers[max(0, len(numbers) - keep) :], *were_live[max(0, len(were_live) - keep) :]]
    return {*newest, *(() if live is None else (live,))}


def check_note(body: bytes) -> None:
    """`ValueError` where a note is more than a store takes."""
    if len(body) > MAX_NOTE_BYTES:
        raise ValueError(f"a note of {len(body)} bytes is too large")


def check_segment(segment: int, segments: int) -> None:
    """`ValueError` where there is no such part of a scan."""
    if not 0 <= segment < segments:
        raise ValueError(f"there is no segment {segment} of {segments}")


class DurableConsents(Protocol):
    """Consent records."""

    def load_consents(self, persons: Collection[str]) -> dict[str, Consent]:
        """The known ones among `persons` (consistent read)."""
        ...

    def save_consent(self, person: str, consent: Consent) -> None:
        """Make a record durable; an older decision never replaces a newer one."""
        ...


class DurableItems(Protocol):
    """The tenants' catalogues, as encoded items."""

    def save_items(self, tenant: str, items: Mapping[str, bytes]) -> None:
        """Put or replace items by id."""
        ...

    def load_items(self, tenant: str, item_ids: Collection[str]) -> dict[str, bytes]:
        """The known ones among `item_ids`."""
        ...

    def delete_items(self, tenant: str, item_ids: Collection[str]) -> None:
        """Take items out; those that are not there are no matter."""
        ...

    def all_items(self, tenant: str) -> Iterable[tuple[str, bytes]]:
        """Every item of the tenant, in order of id."""
        ...


class DurableGenerations(Protocol):
    """Outputs of jobs: written as generation N+1, made live by flipping one pointer, the last few kept."""

    def issue(self, name: str) -> int:
        """A new number of `name`, for `publish`: for who stores more under it before. Nothing of it is there until then."""
        ...

    def publish(self, name: str, files: Mapping[str, bytes], number: int | None = None) -> int:
        """Write the files as the next generation of `name`, or that of an issued number; it is complete then, and not live.

        Returns its number.
        """
        ...

    def make_live(self, name: str, number: int) -> None:
        """Flip the pointer. `InvalidInput` where that generation does not exist or is incomplete."""
        ...

    def live(self, prefix: str = "") -> dict[str, int]:
        """The live generation of every name that starts with `prefix`."""
        ...

    def load_generation(self, name: str, number: int) -> dict[str, bytes]:
        """The files of a generation. `InvalidInput` where it does not exist or is incomplete."""
        ...

    def numbers(self, name: str) -> list[int]:
        """The complete generations of `name` that are kept, ascending."""
        ...

    def were_live(self, name: str) -> list[int]:
        """Those of `numbers` that are or have been live, ascending."""
        ...

    def prune(self, name: str, keep: int) -> None:
        """Delete the complete generations that do not stay: see `staying`."""
        ...

    def unfinished(self, name: str) -> list[int]:
        """The generations of `name` of which parts are there, and not all, ascending: somebody writes them, or was killed."""
        ...

    def delete_generation(self, name: str, number: int) -> None:
        """Delete what is there of a generation, finished or not. `InvalidInput` where it is live."""
        ...


class DurableLists(Protocol):
    """Precomputed lists of people, by generation."""

    def save_lists(self, generation: int, lists: Iterable[tuple[str, bytes]]) -> None:
        """Put or replace the people's lists of that generation."""
        ...

    def load_lists(self, generation: int, persons: Collection[str]) -> dict[str, bytes]:
        """The known ones among `persons`."""
        ...

    def drop_lists(self, below: int, kept: Collection[int], dry_run: bool = False) -> int:
        """Delete the lists of generations below that number which are not `kept`; returns how many. Reads all keys."""
        ...


class DurableNotes(Protocol):
    """Small texts that programs remember for one another, by book and key: runs of jobs, times of schedules."""

    def save_note(self, book: str, key: str, body: bytes) -> None:
        """Put or replace a note, at most `MAX_NOTE_BYTES` (`ValueError` above)."""
        ...

    def load_notes(self, book: str) -> dict[str, bytes]:
        """All notes of the book by key, as last saved (consistent read)."""
        ...


class Durable(DurableProfiles, DurableConsents, DurableItems, DurableGenerations, DurableLists, DurableNotes, Protocol):
    """Warm memory as a whole."""

    def create(self) -> None:
        """Make what is missing (tables); harmless when all is there."""
        ...


class Shown(NamedTuple):
    """What readers of a person shall see from now on; None in place of bytes: nothing (forget the person)."""

    person: str
    state: bytes | None
    flags: bytes | None
    consent: Consent | None = None
    """A decision that came through the log; None: unchanged."""
    listing: Listing | None = None
    """The membership lists to bring into line with what is shown; None: they are."""


class Members(NamedTuple):
    """A page of a membership list: people by pseudonym, in no order, and where the next page begins (None: nowhere)."""

    people: list[str]
    cursor: str | None


Place = tuple[bytes, bytes]
"""Where hot memory keeps somebody's value. Its own business: only it makes one."""


class Kept(NamedTuple):
    """Flags as hot memory keeps them, and where; without the consent."""

    place: Place
    flags: bytes


class Lean(NamedTuple):
    """Leaner flags that say the same from now on, to take the place of those that were read."""

    place: Place
    had: bytes
    lean: bytes


class HotRow(NamedTuple):
    """What hot memory has of one person; None = not there. Of the consent only the purposes are there, not the moment."""

    consent: Consent | None
    value: bytes | None


class Hearing(Protocol):
    """Who hears the changes of hot memory. Called on the event loop; returns at once, raises nothing."""

    def hears(self, hears: bool) -> None:
        """From now on every change is told (True), or some may be missed (False)."""
        ...

    def heard(self, at_s: float) -> None:
        """All that was told before that moment of the monotonic clock has arrived."""
        ...

    def told(self, digests: bytes) -> None:
        """These people changed: what was read of them before is out of date. `CHANGED` says what it looks like."""
        ...


class HotWriter(Protocol):
    """The write side of hot memory, for workers and jobs (blocking). Raises `Unavailable`."""

    def show(self, rows: Sequence[Shown]) -> None:
        """Make the rows visible. Who has withdrawn is not shown, whatever the rows say.

        Then tell all who listen, once for the batch. Where this raises, some may be shown and not told: show them again.

        A decision that denies is in force at once, unless a newer one is known. One that grants is the edge's and durable
        memory's to make visible: where they have not yet, the consent becomes unknown and readers ask durable memory.
        Lists change with the flags or not at all.
        """
        ...

    def put_back(self, rows: Sequence[Shown], consents: Mapping[str, Consent]) -> None:
        """`HotReader.backfill` for jobs."""
        ...

    def show_lists(self, generation: int, lists: Sequence[tuple[str, bytes]], ttl_s: int) -> None:
        """Make precomputed lists visible."""
        ...

    def incarnation(self) -> str:
        """Names this filling of the memory; another name = it was emptied since and has to be filled again."""
        ...

    def place(self, person: str) -> Place:
        """Where the person's value is kept, or would be."""
        ...

    def trim(self, rows: Sequence[Lean]) -> int:
        """Replace flags by leaner ones, each only where it is still what it `had`; returns how many are lean now."""
        ...

    def put_status(self, statuses: Mapping[str, bytes]) -> None:
        """Tell readers how parts of the system are doing, by name."""
        ...


class HotBuckets(Protocol):
    """Hot memory as jobs walk it, bucket by bucket. Raises `Unavailable`."""

    @property
    def buckets(self) -> int:
        """How many there are."""
        ...

    def read_buckets(self, numbers: Sequence[int]) -> list[Kept]:
        """All flags in these buckets; who is written meanwhile is seen as before or as after."""
        ...

    def trim(self, rows: Sequence[Lean]) -> int:
        """See `HotWriter.trim`."""
        ...

    def drop_list(self, tenant: str, bit: int) -> int:
        """Forget a membership list that nobody keeps any more; returns of how many sets there was one."""
        ...


class HotReader(Protocol):
    """The read side of hot memory, for the request path (asyncio). Raises `Unavailable`."""

    async def read_flags(self, persons: Sequence[str]) -> list[HotRow]:
        """Consent and packed flags of each."""
        ...

    async def read_states(self, persons: Sequence[str]) -> list[HotRow]:
        """Consent and encoded profile of each."""
        ...

    async def read_lists(self, generation: int, persons: Sequence[str]) -> list[bytes | None]:
        """The precomputed list of each."""
        ...

    async def read_status(self) -> dict[str, bytes]:
        """What all the parts have told last, by name."""
        ...

    async def tell_status(self, name: str, body: bytes) -> None:
        """`put_status` of one part that lives on the request path."""
        ...

    async def forget_status(self, names: Sequence[str]) -> None:
        """Forget what parts that are gone have told."""
        ...

    async def read_members(self, tenant: str, bit: int, cursor: str, limit: int) -> Members:
        """A page of a membership list, about `limit` people; it may hold fewer, or none, with more to come.

        Begins at "" or where a page before said (`InvalidInput` for any other cursor). Who is in the list throughout is on a
        page (maybe on two), who comes or goes meanwhile may be. What the flags say now is for `read_flags` to tell.
        """
        ...

    async def listen(self, hearing: Hearing) -> None:
        """Until cancelled, tell `hearing` of everybody of whom `show`, a decision or a denial put back has changed something,
        after it was changed; and at any time whether it can be sure to be told.
        """
        ...

    async def put_consent(self, person: str, consent: Consent, listing: Listing | None = None) -> None:
        """Make a decision that is durable visible at once, unless a newer one is; where it denies personalization, forget the
        rest, the membership of the lists given included. At the same moment a denial stands. Who listens is told.
        """
        ...

    async def backfill(self, rows: Sequence[Shown], consents: Mapping[str, Consent]) -> None:
        """Put back what has just been read from durable memory: consents unless a newer decision is known, flags and
        states unless there are some, and none of a person who denies. The rows' own decisions are not looked at. Lists are
        brought into line with what is there then.
        """
        ...
