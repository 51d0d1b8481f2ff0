"""`rayce segments`: segment catalogues, checked, tried, activated, taken back."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rayce.commands import opening
from rayce.commands.options import SettingsFile
from rayce.commands.refusing import fail, refuse

if TYPE_CHECKING:
    from rayce.live_catalogue import Activated
    from rayce.segments.catalogue import Catalogue
    from rayce.segments.dry_run import DryRun

segments = typer.Typer(help="Segment catalogues.", no_args_is_help=True)


CatalogueFile = Annotated[Path, typer.Argument(help="A segment catalogue (YAML).")]


@segments.command()
def check(
    file: CatalogueFile,
    sample: Annotated[int, typer.Option(min=0, help="Try it on so many people of durable memory.")] = 0,
    settings: SettingsFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Check a catalogue as rayce would load it. Exit code 1, with key and value, where it does not hold together.

    With --sample also whether it may follow the live one, who would enter and leave which segment, and how segments would
    overlap, before it is activated.
    """
    from msgspec import json

    from rayce.errors import InvalidCatalogue
    from rayce.segments.catalogue import load_catalogue

    features = opening.features(settings)
    try:
        catalogue = load_catalogue(file, features)
    except InvalidCatalogue as error:
        refuse(file, error)
    if sample:
        _follow(file, catalogue, settings)
    found = _tried(catalogue, sample, settings) if sample else None
    if as_json:
        told = {"file": str(file), "version": catalogue.version, "segments": len(catalogue.segments), "sample": found}
        typer.echo(json.encode(told).decode())
        return
    compared = "may follow the live one" if sample else "not compared with the live one (--sample)"
    typer.echo(f"{file}: {len(catalogue.segments)} segments, version {catalogue.version}; {compared}")
    if found is not None:
        from rich.console import Console

        from rayce.dry_run_page import show

        show(found, Console(file=sys.stdout))


def _follow(file: Path, catalogue: "Catalogue", settings: Path | None) -> None:
    """Refuse what `activate` would refuse."""
    from rayce import live_catalogue
    from rayce.errors import InvalidCatalogue, RayceError

    durable, otherwise = opening.stores(settings)
    try:
        live_catalogue.check_may_follow(durable, catalogue, otherwise)
    except InvalidCatalogue as error:
        refuse(file, error)
    except RayceError:
        return  # durable memory is away: the sample says so


@segments.command()
def activate(file: CatalogueFile, settings: SettingsFile = None) -> None:
    """Make a catalogue live: every worker, edge and job takes it up within a second or so, without a restart.

    Exit code 1 where it does not hold together, or where a bit that is in use would come to mean another segment.
    """
    import time

    from rayce import live_catalogue
    from rayce.errors import InvalidCatalogue, RayceError
    from rayce.segments.catalogue import load_catalogue

    durable, otherwise = opening.stores(settings)
    try:
        load_catalogue(file, otherwise.features)  # names the file where it does not hold together
        text = file.read_text(encoding="utf-8")
        done = live_catalogue.activate(durable, text, otherwise, time.time_ns() // 1_000_000, otherwise.features)
    except InvalidCatalogue as error:
        refuse(file, error)
    except RayceError as error:
        fail(error)
    typer.echo(f"live: {_named(done)}")


@segments.command()
def rollback(settings: SettingsFile = None) -> None:
    """Make the catalogue live again that was so before the present one."""
    from rayce import live_catalogue
    from rayce.errors import RayceError

    durable, otherwise = opening.stores(settings)
    try:
        done = live_catalogue.roll_back(durable, otherwise.features)
    except RayceError as error:
        fail(error)
    typer.echo(f"live again: {_named(done)}")


@segments.command()
def live(settings: SettingsFile = None) -> None:
    """Which catalogue is live, and since when."""
    from rayce import live_catalogue
    from rayce.errors import RayceError

    durable, otherwise = opening.stores(settings)
    try:
        found = live_catalogue.activated(durable)
    except RayceError as error:
        fail(error)
    if found is None:
        typer.echo(f"nothing was activated: the settings' file is live, version {otherwise.version}")
    else:
        typer.echo(_named(found))


def _tried(new: "Catalogue", sample: int, settings: Path | None) -> "DryRun | None":
    """The catalogue tried on a sample; None, and a word about it, where durable memory does not answer."""
    import time

    from rayce.errors import RayceError, Unavailable
    from rayce.live_catalogue import activated
    from rayce.sampling import sample_people
    from rayce.segment_models import SegmentModels, load_segment_models
    from rayce.segments.dry_run import dry_run

    durable, otherwise = opening.stores(settings)
    models: dict[str, SegmentModels] = {}

    def models_of(tenant: str) -> SegmentModels:
        if tenant not in models:
            models[tenant] = load_segment_models(durable, tenant, new.features)
        return models[tenant]

    try:
        known = activated(durable)
        people = sample_people(durable, sample)
        now_ms = time.time_ns() // 1_000_000
        return dry_run(people, known.catalogue if known else otherwise, new, models_of, now_ms)
    except Unavailable as error:
        typer.echo(f"not tried on anybody: {error}", err=True)
        return None
    except RayceError as error:
        fail(error)


def _named(found: "Activated") -> str:
    from datetime import UTC, datetime

    since = datetime.fromtimestamp(found.manifest.activated_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return (
        f"generation {found.number}, version {found.catalogue.version}, {len(found.catalogue.segments)} segments,"
        f" activated {since}"
    )
