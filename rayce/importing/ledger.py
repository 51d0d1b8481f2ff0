"""The ledger of imports in durable memory: how far each file has come, and which events have been written.

A file is known by its fingerprint and the mapping it was read with; an event by 64 bits of its person and id, in sorted runs
that say their time, so that an import reads those alone that it could meet. Runs have a book each, and one that lists them.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct, field

from rayce.errors import InvalidArtifact
from rayce.stores.interfaces import DurableNotes

Digests = np.ndarray[tuple[int], np.dtype[np.uint64]]
_BIG_ENDIAN = ">u8"
_LISTED = b"1"


class Counts(Struct):
    """What became of the rows of a file: `events` were written, `known` had been before, the others were not kept."""

    rows: int = 0
    events: int = 0
    known: int = 0
    without_consent: int = 0
    refused: int = 0


class Progress(Struct, frozen=True):
    """How far a file has come: `rows` are worked off; what was written since then stands in the log from `log_ends` on.

    `is_settled`: nothing was written since. `is_complete`: the file came to its end.
    """

    rows: int = 0
    log_ends: dict[int, int] = {}
    is_settled: bool = True
    is_complete: bool = False
    counts: Counts = field(default_factory=Counts)


class Span(NamedTuple):
    """Name of a run of digests, and the moments of its first and last event."""

    name: str
    from_ms: int
    until_ms: int


_decode_progress = msgspec.json.Decoder(Progress).decode


class Ledger:
    """The ledger of one tenant. One import of a tenant at a time may write it."""

    def __init__(self, notes: DurableNotes, tenant: str) -> None:
        self._notes = notes
        self._files = f"imports:{tenant}"
        self._runs = f"import-runs:{tenant}"

    def progress(self, file: str) -> Progress | None:
        """How far the file has come; None where it was never begun."""
        return self._progresses().get(file)

    def save_progress(self, file: str, progress: Progress) -> None:
        """Durable when it returns."""
        self._notes.save_note(self._files, file, msgspec.json.encode(progress))

    def unsettled(self) -> dict[str, Progress]:
        """Files whose import was killed: something may stand in the log that the ledger does not know."""
        return {file: progress for file, progress in self._progresses().items() if not progress.is_settled}

    def spans(self) -> Iterator[Span]:
        """All runs of digests."""
        for name in self._notes.load_notes(self._runs):
            first, _, last = name.partition(":")[0].partition("-")
            yield Span(name, int(first), int(last))

    def save_digests(self, file: str, row: int, digests: Digests, from_ms: int, until_ms: int) -> Span:
        """Keep a run, sorted; `row` is where it begins in the file. Saved again it takes its own place."""
        span = Span(f"{from_ms:013}-{until_ms:013}:{file}:{row:012}", from_ms, until_ms)
        self._notes.save_note(self._book(span.name), "digests", np.sort(digests).astype(_BIG_ENDIAN).tobytes())
        self._notes.save_note(self._runs, span.name, _LISTED)
        return span

    def load_digests(self, names: Collection[str]) -> dict[str, Digests]:
        """Runs by name, each sorted."""
        return {name: self._load(name) for name in names}

    def _load(self, name: str) -> Digests:
        body = self._notes.load_notes(self._book(name)).get("digests", b"")
        return np.frombuffer(body, _BIG_ENDIAN).astype(np.uint64)

    def _book(self, name: str) -> str:
        return f"{self._runs}:{name}"

    def _progresses(self) -> dict[str, Progress]:
        found = self._notes.load_notes(self._files)
        try:
            return {file: _decode_progress(body) for file, body in found.items()}
        except msgspec.DecodeError as error:
            raise InvalidArtifact(f"the ledger of imports is damaged: {error}", self._files, None) from None
