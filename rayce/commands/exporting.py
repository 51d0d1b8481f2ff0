"""`rayce export`: events, recommendations, members of segments and items into files, each there as a whole or not at all."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rayce.commands.import_inputs import OneTenant
from rayce.commands.options import SettingsFile
from rayce.commands.refusing import fail

if TYPE_CHECKING:
    import pyarrow as pa

    from rayce.exporting.events import Records
    from rayce.settings import Settings
    from rayce.stores.interfaces import Record

exporting = typer.Typer(help="What rayce knows, as files.", no_args_is_help=True)

File = Annotated[
    Path, typer.Argument(help="Ends in .parquet, .csv, .tsv or .jsonl; all but Parquet also with .gz or .zst.")
]


@exporting.command()
def events(
    file: File,
    tenant: OneTenant = None,
    since: Annotated[str | None, typer.Option("--from", help="Only events of this moment or later (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Only events before this moment (RFC 3339).")] = None,
    types: Annotated[
        str | None, typer.Option("--types", help="Only events of these types: names, with commas.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="lake or log (default: the lake where there is one).")
    ] = None,
    settings: SettingsFile = None,
) -> None:
    """Export events, as `rayce import events` reads them: folded again they give the same state to the bit."""
    from rayce.commands import import_opening as opening
    from rayce.errors import InvalidInput
    from rayce.event import BEHAVIOUR, CONTROL
    from rayce.exporting.columns import EVENTS
    from rayce.exporting.events import Wanted, exported_events

    loaded = opening.opened_settings(settings)
    whose = opening.tenant_of(loaded, tenant)
    wanted = Wanted(whose, _moment_ms("--from", since, 0), _moment_ms("--until", until, 1 << 62), _names(types))
    if unknown := wanted.types - {*BEHAVIOUR, *CONTROL}:
        fail(InvalidInput(f"--types: there is no type {min(unknown)!r}", "--types", types))
    durable = opening.opened_durable(loaded)
    _write(file, EVENTS, exported_events(_records(loaded, whose, source), wanted, durable.load_consents), "events")


@exporting.command()
def recommendations(file: File, tenant: OneTenant = None, settings: SettingsFile = None) -> None:
    """Export everybody's precomputed list, of the live generation: person, rank, item, score."""
    from rayce.commands import import_opening as opening
    from rayce.errors import NotEnoughData, RayceError
    from rayce.exporting.columns import RECOMMENDATIONS
    from rayce.exporting.people import exported_recommendations
    from rayce.generations import generation_name

    loaded = opening.opened_settings(settings)
    whose = opening.tenant_of(loaded, tenant)
    durable = opening.opened_durable(loaded)
    name = generation_name(whose, "lists")
    try:
        number = durable.live(name).get(name)
    except RayceError as error:
        fail(error)
    if number is None:
        fail(NotEnoughData(f"no lists of {whose} are live: run jobs.build_recommendations first"))
    left_out: Counter[str] = Counter()
    _write(file, RECOMMENDATIONS, exported_recommendations(durable, whose, number, left_out), "rows", left_out)


@exporting.command()
def segments(
    file: File,
    segment: Annotated[
        list[str] | None, typer.Option("--segment", help="A segment's name; may be given again (default: all).")
    ] = None,
    tenant: OneTenant = None,
    settings: SettingsFile = None,
) -> None:
    """Export who is in which segment now: person, segment."""
    from rayce.commands import import_opening as opening
    from rayce.errors import InvalidInput, RayceError
    from rayce.exporting.columns import SEGMENTS
    from rayce.exporting.people import exported_members
    from rayce.features.catalogue import load_features
    from rayce.live_catalogue import current_catalogue

    loaded = opening.opened_settings(settings)
    whose = opening.tenant_of(loaded, tenant)
    durable = opening.opened_durable(loaded)
    try:
        features = load_features(loaded.features.catalogue)
        catalogue = current_catalogue(durable, loaded.segments.catalogue, features)
    except RayceError as error:
        fail(error)
    names = frozenset(segment or catalogue.by_name)
    if unknown := names - catalogue.by_name.keys():
        fail(InvalidInput(f"the live catalogue has no segment `{min(unknown)}`", "--segment", min(unknown)))
    left_out: Counter[str] = Counter()
    rows = exported_members(durable, whose, catalogue, names, opening.clock_ms(), left_out)
    _write(file, SEGMENTS, rows, "rows", left_out)


@exporting.command()
def items(file: File, tenant: OneTenant = None, settings: SettingsFile = None) -> None:
    """Export the catalogue, as `rayce import items` reads it."""
    from rayce.commands import import_opening as opening
    from rayce.exporting.columns import ITEMS
    from rayce.exporting.items import exported_items

    loaded = opening.opened_settings(settings)
    whose = opening.tenant_of(loaded, tenant)
    _write(file, ITEMS, exported_items(opening.opened_durable(loaded), whose), "items")


def _write(
    file: Path, schema: "pa.Schema", rows: Iterable[dict[str, Any]], what: str, left_out: Mapping[str, int] = {}
) -> None:
    """Says how many; `left_out` is filled while the rows are read: people, by the reason."""
    from rayce.errors import RayceError
    from rayce.exporting.files import write_file

    try:
        count = write_file(file, schema, rows)
    except RayceError as error:
        fail(error)
    missing = "".join(f"; {people:,} people left out: {why}" for why, people in sorted(left_out.items()) if people)
    typer.echo(f"{file}: {count:,} {what}{missing}")


def _records(settings: "Settings", tenant: str, source: str | None) -> "Records":
    """The same records at each call: of the lake as it is now, or of the log up to its present end."""
    from rayce.errors import InvalidInput, RayceError
    from rayce.lake.reading import open_lake

    if source not in (None, "lake", "log"):
        fail(InvalidInput(f"--source: lake or log, not {source!r}", "--source", source))
    if source == "log" or (source is None and not settings.lake.path):
        return _of_log(settings)
    try:
        lake = open_lake(settings.lake)
    except RayceError as error:
        fail(error)
    return lambda: _of_lake(lake, tenant)


def _of_lake(lake: Any, tenant: str) -> "Iterator[Record]":
    from rayce.stores.interfaces import Record

    for batch in lake.batches(["partition", "offset", "record"], tenant, ordered=True):
        yield from map(Record, *(batch.column(name).to_pylist() for name in ("partition", "offset", "record")))


def _of_log(settings: "Settings") -> "Records":
    """Partition by partition, so that the same log gives the same file."""
    from rayce.commands import import_opening as opening
    from rayce.errors import RayceError

    try:
        readers = [opening.opened_reader(settings, number) for number in range(settings.kafka.partitions)]
        ends = [reader.end() for reader in readers]
    except RayceError as error:
        fail(error)

    def records() -> "Iterator[Record]":
        for number, (reader, end) in enumerate(zip(readers, ends, strict=True)):
            reader.begin(number, -1)
            yield from reader.read_until(end)

    return records


def _names(said: str | None) -> frozenset[str]:
    return frozenset(name.strip() for name in said.split(",")) if said else frozenset()


def _moment_ms(option: str, said: str | None, otherwise: int) -> int:
    from rayce.errors import InvalidInput
    from rayce.importing.moments import moment_reader

    if said is None:
        return otherwise
    try:
        return moment_reader("at")({"at": said})
    except InvalidInput:
        fail(InvalidInput(f"{option}: no moment as of RFC 3339: {said!r}", option, said))
