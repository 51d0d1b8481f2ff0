"""One file of events into the log, batch by batch; killed at any point and run again it goes on, and counts nothing twice.

In this order for each batch: decisions on consent, events (acknowledged), their digests, how far the file has come. Whatever
step is the last one that happened, the next run finds out: from the ledger, or from the log itself (`settling`).
"""

import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

import msgspec
import numpy as np

from rayce.consent import Consent
from rayce.errors import InvalidInput
from rayce.importing.delivery import Delivery
from rayce.importing.event_row import EventRow, Found, Refused
from rayce.importing.intake import Batch, Intake, Taken
from rayce.importing.ledger import Ledger, Progress
from rayce.importing.mapped_events import MappedEvents
from rayce.importing.mapping import EventMapping, columns_of, dialect_of
from rayce.importing.own_events import check_columns, own_events
from rayce.importing.report import SHOWN, Backwards, FileReport, RowRefusal, Teller
from rayce.importing.seen import Seen
from rayce.importing.source_file import SourceFile
from rayce.importing.table import read_table

BATCH_ROWS = 20_000
"""Events between two steps of progress: their digests fit into one value of durable memory."""

DONT_TELL: Callable[[RowRefusal], None] = lambda refusal: None  # noqa: E731


class Target(NamedTuple):
    """Where events go. Without one a run is dry."""

    delivery: Delivery
    save_consent: Callable[[str, Consent], None]


class How(NamedTuple):
    """How a run goes: `max_errors` refused rows are borne (None: any number); `again` begins a finished file anew."""

    mapping: EventMapping | None = None
    consent: int | None = None
    max_errors: int | None = None
    again: bool = False
    batch_rows: int = BATCH_ROWS
    tell: Callable[[RowRefusal], None] = DONT_TELL
    progress: Callable[[FileReport], None] = lambda report: None
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000


class EventImport:
    """The import of one file. `ledger` and `seen` are the tenant's; a dry run has those of an empty memory."""

    def __init__(
        self, source: SourceFile, intake: Intake, ledger: Ledger, seen: Seen, target: Target | None, how: How
    ) -> None:
        self._source = source
        self._intake = intake
        self._ledger = ledger
        self._seen = seen
        self._target = target
        self._how = how
        self._key = file_key(intake.fingerprint, how.mapping, how.consent)
        self._mapped = None if how.mapping is None else MappedEvents(how.mapping, how.consent)
        self._teller = Teller(source.path, how.mapping, how.tell)
        self._backwards = Backwards()
        self._report = FileReport(str(source.path))

    def run(self) -> FileReport:
        """Works the file off. `Unavailable` where a store stayed away; all else that goes wrong is in the report."""
        former = self._ledger.progress(self._key)
        self._begin(former)
        if former is not None and former.is_complete and not self._how.again:
            self._report.was_complete = True
            return self._report
        try:
            found = self._found(self._report.counts.rows)
            is_complete = self._batches(found)
        except InvalidInput as error:
            self._report.broken, is_complete = str(error), False
        self._report.backwards = self._backwards.count
        if self._mapped:
            self._report.split, self._report.unnamed = self._mapped.split, self._mapped.consent.unnamed
        self._save(Progress(self._report.counts.rows, {}, True, is_complete, self._report.counts))
        return self._report

    def _begin(self, former: Progress | None) -> None:
        if former is not None and (not self._how.again or not former.is_complete):
            self._report.counts, self._report.resumed_at = former.counts, former.rows

    def _found(self, done: int) -> Found:
        mapping = self._how.mapping
        table = read_table(self._source, dialect_of(mapping), columns_of(mapping) if mapping else None)
        if table.columns is not None:
            _check(self._source, table.columns, mapping)
        rows = (row for row in table.rows if row.number > done)
        return self._mapped.of(rows) if self._mapped else own_events(rows, self._how.consent)

    def _batches(self, found: Found) -> bool:
        """Whether the file came to its end."""
        ends = self._ends()
        while True:
            rows, refused, broken = _gather(found, self._how.batch_rows)
            if not rows and not refused and broken is None:
                return True
            self._save(Progress(self._report.counts.rows, ends, False, False, self._report.counts))
            batch = self._intake.take(rows, self._how.now_ms())
            refused = sorted([*refused, *batch.refused], key=lambda each: each.row)
            borne = self._borne(refused)
            reached = _reached(rows, refused if borne is None else refused[: borne + 1], borne is not None)
            known = self._write([each for each in batch.taken if each.last <= reached], batch.decisions, ends)
            self._count(batch, known, refused if borne is None else refused[: borne + 1], reached)
            ends = self._ends()
            self._how.progress(self._report)
            if broken is not None:
                raise broken
            if borne is not None:
                raise InvalidInput(f"{self._source.path}: more than {self._how.max_errors} rows are refused")

    def _borne(self, refused: Sequence[Refused]) -> int | None:
        """Which of the refused ones is one too many; None where all are borne."""
        if self._how.max_errors is None:
            return None
        left = max(0, self._how.max_errors - self._report.counts.refused)
        return left if len(refused) > left else None

    def _write(self, taken: Sequence[Taken], decisions: dict[str, Consent], ends: dict[int, int]) -> int:
        """Write those that are new and put them into the ledger; returns how many are known already."""
        digests = np.array([each.digest for each in taken], np.uint64)
        moments = np.array([each.event.timestamp_ms for each in taken], np.uint64)
        is_new = ~self._seen.among(digests, moments)
        is_new &= _firsts(digests)
        new = [each for each, fresh in zip(taken, is_new.tolist(), strict=True) if fresh]
        self._deliver(new, decisions, ends)
        if new:
            times, run = moments[is_new], digests[is_new]
            span = self._ledger.save_digests(self._key, new[0].first, run, int(times.min()), int(times.max()))
            self._seen.add(span, run)
        self._report.counts.events += len(new)
        return len(taken) - len(new)

    def _deliver(self, new: Sequence[Taken], decisions: dict[str, Consent], ends: dict[int, int]) -> None:
        for each in new:
            self._backwards.see(each.event)
            if len(self._report.samples) < SHOWN:
                self._report.samples.append(each.event)
        if self._target is None:
            return
        for person, consent in decisions.items():
            self._target.save_consent(person, consent)
        self._target.delivery.write(new, ends)

    def _count(self, batch: Batch, known: int, refused: Sequence[Refused], reached: int) -> None:
        counts = self._report.counts
        counts.known += known
        counts.without_consent += sum(1 for row in batch.without_consent if row <= reached)
        counts.refused += len(refused)
        told = [self._teller.told(each) for each in refused]
        self._report.errors += told[: SHOWN - len(self._report.errors)]
        counts.rows = max(counts.rows, reached)

    def _ends(self) -> dict[int, int]:
        return {} if self._target is None else self._target.delivery.ends()

    def _save(self, progress: Progress) -> None:
        self._ledger.save_progress(self._key, progress)


def file_key(fingerprint: str, mapping: EventMapping | None, consent: int | None = None) -> str:
    """Names a file read with a mapping, and consent declared for all of it: read with others it is another file.

    A consent that the mapping has the better of changes nothing.
    """
    said = msgspec.json.encode(mapping, order="deterministic")
    if consent is not None and (mapping is None or mapping.consent is None):
        said += b" %d" % consent
    return f"{fingerprint}-{blake2b(said, digest_size=8).hexdigest()}"


def _check(source: SourceFile, columns: Sequence[str], mapping: EventMapping | None) -> None:
    """`InvalidInput` names a column that is not there."""
    try:
        if mapping is None:
            check_columns(columns)
            return
        for name in columns_of(mapping):
            if name not in columns and name.partition(".")[0] not in columns:
                there = ", ".join(f"`{column}`" for column in columns[:20])
                raise InvalidInput(
                    f"there is no column `{name}` that the mapping names (there are {there})", name, None
                )
    except InvalidInput as error:
        raise InvalidInput(f"{source.path}: {error}", error.key, error.value) from None


def _gather(found: Found, most: int) -> tuple[list[EventRow], list[Refused], InvalidInput | None]:
    """The next events and refused rows, together at most so many; and why the file ends here, where it is damaged."""
    rows: list[EventRow] = []
    refused: list[Refused] = []
    try:
        for each in islice(found, most):
            (rows if isinstance(each, EventRow) else refused).append(each)  # type: ignore[arg-type]
    except InvalidInput as error:
        return rows, refused, error
    return rows, refused, None


def _reached(rows: Sequence[EventRow], refused: Sequence[Refused], is_cut: bool) -> int:
    """The row up to which all is worked off; where the last refused one is one too many, up to that one.

    An event whose rows lie on both sides of it is left for the next run as a whole.
    """
    if not is_cut:
        return max([*(row.last for row in rows), *(max(each.row, each.last) for each in refused)], default=0)
    reached = max(refused[-1].row, refused[-1].last)
    return next((row.first - 1 for row in rows if row.first <= reached < row.last), reached)


def _firsts(digests: "np.ndarray[tuple[int], np.dtype[np.uint64]]") -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which are not the same as one before them."""
    is_first = np.zeros(len(digests), dtype=bool)
    is_first[np.unique(digests, return_index=True)[1]] = True
    return is_first
