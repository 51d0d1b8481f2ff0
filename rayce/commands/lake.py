"""`rayce lake`: how the lake is doing, its upkeep by hand, and the proof that a replay from it equals live memory.

The writer does the upkeep by itself now and then. Two at once do no harm: one of them is refused, and may be started again.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rayce.commands.options import SettingsFile
from rayce.commands.refusing import fail

if TYPE_CHECKING:
    from collections.abc import Callable

    from rayce.lake.table import LakeTable
    from rayce.settings import Settings

lake = typer.Typer(help="The lake: every event and decision for good.", no_args_is_help=True)


@lake.command("status")
def lake_status(settings: SettingsFile = None) -> None:
    """Of each table: version, days, files, rows, size, and how far it has come."""
    for table in _tables(settings):
        files = table.files()
        days = sorted({file.date for file in files})
        size_mib = sum(file.size_bytes for file in files) / 2**20
        told = f"{days[0]} to {days[-1]}" if days else "no day"
        rows = sum(file.rows for file in files)
        typer.echo(
            f"{table.name}: version {table.version}, {rows} rows, {told}, {len(files)} files, {size_mib:.1f} MiB"
        )
        for partition, position in sorted(table.positions().items()):
            typer.echo(f"  partition {partition}: next offset {position}")


@lake.command("compact")
def compact_lake(settings: SettingsFile = None) -> None:
    """Put small files of a day together."""
    from rayce.lake.compacting import compact

    _on_each(settings, lambda table: f"{compact(table)} files fewer")


@lake.command("vacuum")
def vacuum_lake(settings: SettingsFile = None) -> None:
    """Delete files that have not been part of a table for `lake.keep_replaced_h`, and what killed writers have left."""
    _on_each(settings, lambda table: f"{table.vacuum()} files deleted")


@lake.command("retain")
def retain_lake(settings: SettingsFile = None) -> None:
    """Delete days older than `lake.retention_days`."""
    from rayce.lake.upkeep import retain

    _on_each(settings, lambda table: f"{retain(table, _now_ms())} rows removed")


@lake.command("erase")
def erase_lake(settings: SettingsFile = None) -> None:
    """Rewrite erased people's rows away. They are physically gone with a vacuum `lake.keep_replaced_h` later."""
    from rayce.lake.erasing import erase

    events, *_others = _tables(settings)
    _on_each(settings, lambda table: f"{erase(events, table, _now_ms())} rows removed")


@lake.command("verify")
def verify_lake(
    people: Annotated[int, typer.Option(min=1, help="How many people are compared.")] = 1_000,
    settings: SettingsFile = None,
) -> None:
    """Replay people from the lake and compare their features with durable memory, to the bit. Exit code 1 where they differ.

    Who has acted since the lake's last append is counted apart. Of a lake that began after the log, or has let go of old days,
    people who were there before differ.
    """
    from rayce.commands import opening
    from rayce.errors import RayceError
    from rayce.lake.reading import open_lake
    from rayce.lake.replaying import compare, sample_people

    try:
        stored = sample_people(opening.durable(settings), people)
        found = compare(open_lake(_settings(settings).lake), stored, opening.features(settings))
    except RayceError as error:
        fail(error)
    typer.echo(
        f"{found.same} the same to the bit, {len(found.different)} different, {len(found.behind)} not in the lake yet"
    )
    for person in found.different[:10]:
        typer.echo(f"  different: {person}", err=True)
    if found.different:
        raise typer.Exit(1)


def _on_each(path: Path | None, work: "Callable[[LakeTable], str]") -> None:
    from rayce.errors import RayceError

    for table in _tables(path):
        try:
            typer.echo(f"{table.name}: {work(table)}")
        except RayceError as error:
            fail(error)


def _tables(path: Path | None) -> "list[LakeTable]":
    from rayce.errors import RayceError
    from rayce.lake.columns import TABLES
    from rayce.lake.table import LakeTable

    try:
        settings = _settings(path).lake
        return [LakeTable(name, settings) for name in TABLES]
    except RayceError as error:
        fail(error)


def _settings(path: Path | None) -> "Settings":
    from rayce.settings import load_settings

    return load_settings(path)


def _now_ms() -> int:
    import time

    return time.time_ns() // 1_000_000
