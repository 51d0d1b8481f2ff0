"""What the stores promise. `tests/contracts/` holds one suite per interface and runs it on every backend."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from rayce.consent import Consent

EVENTS = "rayce.events"
"""The log's topic of events; the key is the pseudonym, so one person is always one partition."""
DEAD = "rayce.events.dead"
"""Records that could not be worked off, with the reason."""


class Record(NamedTuple):
    """One record of the log."""

    partition: int
    offset: int
    value: bytes


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


class DurableProfiles(Protocol):
    """The truth about people. Every call raises `Unavailable` when the store does not answer."""

    def acquire(self, partition: int) -> int:
        """Become the partition's owner: returns the new epoch; every older epoch is fenced from now on."""
        ...

    def load_profiles(self, persons: Collection[str]) -> dict[str, StoredProfile]:
        """The known ones among `persons`, as last saved (consistent read)."""
        ...

    def save_profiles(self, partition: int, epoch: int, saves: Sequence[Save]) -> None:
        """Make all durable. `Fenced` if the epoch is not the partition's any more: then nothing after was written.

        Saving the same state twice is harmless; an older offset never replaces a newer one.
        """
        ...


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

    def all_items(self, tenant: str) -> Iterable[tuple[str, bytes]]:
        """Every item of the tenant, in order of id."""
        ...


class DurableGenerations(Protocol):
    """Outputs of jobs: written as generation N+1, made live by flipping one pointer, the last few kept."""

    def publish(self, name: str, files: Mapping[str, bytes]) -> int:
        """Write the files as the next generation of `name` and return its number; it is not live yet."""
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

    def prune(self, name: str, keep: int) -> None:
        """Delete all but the `keep` newest complete generations and the live one."""
        ...


class DurableLists(Protocol):
    """Precomputed lists of people, by generation."""

    def save_lists(self, generation: int, lists: Iterable[tuple[str, bytes]]) -> None:
        """Put or replace the people's lists of that generation."""
        ...

    def load_lists(self, generation: int, persons: Collection[str]) -> dict[str, bytes]:
        """The known ones among `persons`."""
        ...


class Durable(DurableProfiles, DurableConsents, DurableItems, DurableGenerations, DurableLists, Protocol):
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


class HotRow(NamedTuple):
    """What hot memory has of one person; None = not there."""

    consent: Consent | None
    value: bytes | None


class HotWriter(Protocol):
    """The write side of hot memory, for workers and jobs (blocking). Raises `Unavailable`."""

    def show(self, rows: Sequence[Shown]) -> None:
        """Make the rows visible."""
        ...

    def show_lists(self, generation: int, lists: Sequence[tuple[str, bytes]], ttl_s: int) -> None:
        """Make precomputed lists visible."""
        ...

    def incarnation(self) -> str:
        """Names this filling of the memory; another name = it was emptied since and has to be filled again."""
        ...

    def put_status(self, statuses: Mapping[str, bytes]) -> None:
        """Tell readers how parts of the system are doing, by name."""
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

    async def put_consent(self, person: str, consent: Consent) -> None:
        """Make a decision visible at once, unless a newer one is; where it denies personalization, forget the rest."""
        ...

    async def backfill(self, rows: Sequence[Shown], consents: Mapping[str, Consent]) -> None:
        """Put back what a miss has fetched; never over something that is already there."""
        ...
