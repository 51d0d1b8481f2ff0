"""One Delta table of the lake: the only place that knows the client.

An append says up to which offset each partition is in the table now, as Delta transaction ids in the same commit: rows and
position are there together or not at all. Whoever appends what somebody else has appended meanwhile is refused.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import pyarrow as pa
from deltalake import (
    ColumnProperties,
    CommitProperties,
    DeltaTable,
    QueryBuilder,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from deltalake.schema import Schema
from deltalake.transaction import AddAction, RemoveAction
from pyarrow.fs import PyFileSystem

from rayce.errors import InvalidInput, LakeConflict, Unavailable
from rayce.lake.columns import COLUMNS, DATE, TABLES
from rayce.lake.damage import first_damaged
from rayce.lake.settings import LakeSettings

PARTITIONS, APPENDS, REWRITES = "partitions", "appends", "rewrites"
"""Transaction ids: how many partitions the topic has, and how often the table was appended to and rewritten."""
ROW_GROUP_ROWS = 32_768
"""Small, so that who reads one partition passes over most of the others."""
DISTINCT = ("record", "event_id", "decision_id", "person", "offset", "timestamp_ms")
"""Columns in which next to nothing repeats: looking for what does would cost half of the CPU of an append."""
_PLAIN = ColumnProperties(dictionary_enabled=False)
_NOT_COMPARED = ColumnProperties(dictionary_enabled=False, statistics_enabled="NONE")
_WRITER = WriterProperties(
    compression="ZSTD",
    compression_level=1,  # what stays is written once more, when small files are put together
    max_row_group_size=ROW_GROUP_ROWS,
    column_properties={
        **dict.fromkeys(DISTINCT, _PLAIN),
        **dict.fromkeys(("record", "event_id", "decision_id"), _NOT_COMPARED),
    },
)
_OF_A_FILE = ("size_bytes", "num_records", "min.offset", "max.offset", "min.partition", "max.partition")
_ENGINE = {"datafusion.execution.target_partitions": "1", "datafusion.execution.batch_size": "32768"}
"""One thread, so that rows come in the same order each time."""
_PROPERTIES = {
    "delta.checkpointInterval": "50",
    "delta.logRetentionDuration": "interval 30 days",
}
"""No expiry of transaction ids: positions must never be forgotten, they are what makes an append happen once."""


class DataFile(NamedTuple):
    """A file that the table consists of, and what offsets and partitions (of any of these) its rows lie between."""

    path: str
    date: str
    size_bytes: int
    rows: int
    first_offset: int
    last_offset: int
    first_partition: int
    last_partition: int


class NewFile(NamedTuple):
    """A file that has been written for the table; `stats` are as the Delta protocol has them."""

    path: str
    date: str
    size_bytes: int
    stats: str


class LakeTable:
    """A table as of its opening or of its last own commit. Every call raises `Unavailable` where the store does not answer."""

    def __init__(self, name: str, settings: LakeSettings, version: int | None = None) -> None:
        """Opens it; `InvalidInput` where there is none, or no such version of it."""
        self.name = name
        self.topic = TABLES[name]
        self.settings = settings
        if not settings.path:
            raise InvalidInput("there is no lake: `lake.path` is empty", "lake.path", "")
        with _answering():
            try:
                self._table = DeltaTable(uri_of(settings, name), version, storage_options=settings.storage_options)
            except TableNotFoundError:
                raise InvalidInput(
                    f"there is no table {name!r} in the lake {settings.path}", "lake.path", name
                ) from None
            except DeltaError as error:
                if version is None:
                    raise
                raise InvalidInput(f"the lake has no version {version}: {error}", "version", version) from None

        self._appends = self.transaction(APPENDS)

    @property
    def version(self) -> int:
        """The commit that it is as of."""
        return self._table.version()

    @property
    def schema(self) -> pa.Schema:
        """Its columns as they are stored, which may be fewer or more than ours."""
        return pa.schema(self._table.schema().to_arrow())

    def transaction(self, app: str) -> int | None:
        """The last version that was committed under this id; None: none was."""
        with _answering():
            return self._table.transaction_version(app)

    def positions(self) -> dict[int, int]:
        """By partition that it has something of, the offset of the next record to append."""
        partitions = self.transaction(PARTITIONS) or 0
        found = {number: self.transaction(position_id(self.topic, number)) for number in range(partitions)}
        return {number: last + 1 for number, last in found.items() if last is not None}

    def append(self, batches: Sequence[pa.RecordBatch], reached: Mapping[int, int], partitions: int) -> None:
        """Append, and be at these positions (`positions`) from now on, in one commit.

        Raises `LakeConflict` where somebody else has appended since this was opened: nothing was written.
        """
        # Delta refuses what clashes with a commit it has not seen; our own last commit may have gone past one of another's.
        if self.transaction(APPENDS) != self._appends:
            raise LakeConflict(f"somebody else has appended to {self.name}")
        number = (self._appends or 0) + 1
        schema = self.schema
        marks = {position_id(self.topic, number): at - 1 for number, at in reached.items()}
        marks |= {PARTITIONS: partitions, APPENDS: number}
        with _answering():
            write_deltalake(
                self._table,
                pa.RecordBatchReader.from_batches(schema, (aligned(batch, schema) for batch in batches)),
                mode="append",
                writer_properties=_WRITER,
                target_file_size=self.settings.target_file_mib * 2**20,
                commit_properties=_marked(marks),
            )
        self._appends = number

    def mark(self, marks: Mapping[str, int]) -> None:
        """Commit transaction ids, and nothing else."""
        schema = self.schema
        with _answering():
            write_deltalake(
                self._table,
                pa.RecordBatchReader.from_batches(schema, []),
                mode="append",
                commit_properties=_marked(marks),
            )

    def files(self) -> list[DataFile]:
        """What it consists of."""
        with _answering():
            rows = pa.table(self._table.get_add_actions(flatten=True)).to_pylist()
        return [
            DataFile(row["path"], str(row[f"partition.{DATE}"]), *(row[name] for name in _OF_A_FILE)) for row in rows
        ]

    def select(self, columns: Sequence[str], where: str = "") -> Iterator[pa.RecordBatch]:
        """These columns of the rows of which this holds (SQL), a batch at a time; the same order each time, for what it is.

        A column of ours that the table does not have yet is null; `InvalidInput` for one that nobody knows. `Unavailable` names
        the file where one is damaged or gone.
        """
        schema, stored = self._schema_of(columns), self._table.schema().to_arrow().names
        names = ", ".join(f'"{name}"' for name in schema.names if name in stored)
        query = f"SELECT {names} FROM lake{' WHERE ' if where else ''}{where}"
        try:
            with _answering():
                for batch in QueryBuilder(_ENGINE).register("lake", self._table).execute(query):
                    if batch.num_rows:
                        yield aligned(pa.record_batch(batch), schema)
        except Unavailable as error:
            if "Parquet" not in error.reason or ".parquet" in error.reason:
                raise
            where = first_damaged(self.filesystem(), (file.path for file in self.files()))
            raise Unavailable("lake", f"{error.reason} in {where or 'one of its files'}") from None

    def _schema_of(self, columns: Sequence[str]) -> pa.Schema:
        """As they are stored, or as they would be."""
        stored, ours, found = self.schema, COLUMNS[self.name], {}
        for name in columns:
            if name not in stored.names and name not in ours.names:
                raise InvalidInput(f"the table {self.name!r} has no column {name!r}", "columns", name)
            found[name] = (stored if name in stored.names else ours).field(name)
        return pa.schema(found.values())

    def uris(self) -> list[str]:
        """Where its files are, for other engines."""
        with _answering():
            return self._table.file_uris()

    def delete(self, predicate: str, marks: Mapping[str, int] | None = None) -> int:
        """Rewrite the files without the rows of which this holds (SQL), with these transaction ids; how many rows."""
        with _answering():
            done = self._table.delete(
                predicate, writer_properties=_WRITER, commit_properties=self._rewriting(marks or {})
            )
        return int(done.get("num_deleted_rows") or 0)

    def replace(self, former: Sequence[DataFile], present: Sequence[NewFile]) -> None:
        """These files instead of those: the same rows, in one commit. `LakeConflict` where somebody else rewrites, too."""
        changed_ms = time.time_ns() // 1_000_000
        actions: list[AddAction | RemoveAction] = [
            AddAction(file.path, file.size_bytes, {DATE: file.date}, changed_ms, False, file.stats) for file in present
        ]
        actions += [RemoveAction(file.path, False, changed_ms, file.size_bytes, {DATE: file.date}) for file in former]
        with _answering():
            self._table.create_write_transaction(
                actions, "append", self._table.schema(), [DATE], commit_properties=self._rewriting({})
            )
        self.refresh()

    def filesystem(self) -> PyFileSystem:
        """Where its files are, by their paths."""
        with _answering():
            return PyFileSystem(DeltaStorageHandler(self._table.table_uri, self.settings.storage_options))

    def answering(self) -> AbstractContextManager[None]:
        """Around what is done with its files: failures become `Unavailable`."""
        return _answering()

    def vacuum(self) -> int:
        """Delete the files that have not been part of it for `keep_replaced_h`, and what killed writers left; how many."""
        with _answering():
            gone = self._table.vacuum(
                retention_hours=self.settings.keep_replaced_h,
                dry_run=False,
                enforce_retention_duration=False,
                full=True,
            )
        return len(gone)

    def _rewriting(self, marks: Mapping[str, int]) -> CommitProperties:
        """With the transaction id of all rewrites: who has not seen another one is refused."""
        return _marked({**marks, REWRITES: (self.transaction(REWRITES) or 0) + 1})

    def missing(self) -> int:
        """Files that it consists of and that are not there any more: of an old version, vacuumed since."""
        with _answering():
            return len(self._table.repair(dry_run=True)["files_removed"])

    def evolve(self) -> list[str]:
        """Add the columns of ours that it does not have yet, and return them; what it has besides stays."""
        there = set(self.schema.names)
        missing = [field for field in COLUMNS[self.name] if field.name not in there]
        if missing:
            with _answering():
                self._table.alter.add_columns(list(Schema.from_arrow(pa.schema(missing)).fields))
        return [field.name for field in missing]

    def refresh(self) -> None:
        """Be as of the last commit, whoever made it."""
        with _answering():
            self._table.update_incremental()


def create_table(name: str, settings: LakeSettings) -> None:
    """Make an empty table; harmless where there is one, whatever it holds."""
    with _answering():
        DeltaTable.create(
            uri_of(settings, name),
            COLUMNS[name],
            mode="ignore",
            partition_by=[DATE],
            name=f"rayce.{name}",
            configuration=_PROPERTIES,
            storage_options=settings.storage_options,
        )


def table_exists(name: str, settings: LakeSettings) -> bool:
    """Whether there is one."""
    with _answering():
        return DeltaTable.is_deltatable(uri_of(settings, name), settings.storage_options)


def uri_of(settings: LakeSettings, name: str) -> str:
    """Where a table is."""
    return f"{settings.path.rstrip('/')}/{name}"


def position_id(topic: str, partition: int) -> str:
    """The transaction id of a partition; its version is the last offset that is in the table.

    >>> position_id("rayce.events", 3)
    'rayce.events:3'
    """
    return f"{topic}:{partition}"


def aligned(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The same rows with exactly these columns: what is missing is null."""
    count, names = batch.num_rows, set(batch.schema.names)
    columns = [
        batch.column(field.name).cast(field.type) if field.name in names else pa.nulls(count, field.type)
        for field in schema
    ]
    return pa.record_batch(columns, schema=schema)


def quoted(text: str) -> str:
    """A text as SQL has it.

    >>> quoted("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def _marked(marks: Mapping[str, int]) -> CommitProperties:
    return CommitProperties(app_transactions=[Transaction(app, version) for app, version in sorted(marks.items())])


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except CommitFailedError as error:
        raise LakeConflict(str(error)) from None
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise Unavailable("lake", str(error).split("\n")[0]) from None
    except Exception as error:
        if type(error) is not Exception:  # a bug
            raise
        # what the query engine says comes as a bare one: a file is damaged or gone, or the store is away
        reason = str(error).split("\n")[0].removeprefix("External error: ")
        raise Unavailable("lake", f"a file cannot be read: {reason}" if "Parquet" in reason else reason) from None
