"""The command `rayce`. What needs more than the library is handed to the programs of the checkout by name."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rayce.errors import InvalidInput
    from rayce.features.feature_set import FeatureSet
    from rayce.live_catalogue import Activated
    from rayce.segments.catalogue import Catalogue
    from rayce.segments.dry_run import DryRun
    from rayce.stores.interfaces import Durable

app = typer.Typer(
    help="rayce: real-time personalization on Ray.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
segments = typer.Typer(help="Segment catalogues.", no_args_is_help=True)
app.add_typer(segments, name="segments")
features = typer.Typer(help="Catalogues of features.", no_args_is_help=True)
app.add_typer(features, name="features")

_HANDED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command(add_help_option=False, context_settings=_HANDED_ON)
def local(context: typer.Context) -> None:
    """Real Redis, Kafka and DynamoDB servers on this machine: up, down, status, logs, reset."""
    _hand_on("local", "cluster.local", context.args)


@app.command(add_help_option=False, context_settings=_HANDED_ON)
def up(context: typer.Context) -> None:
    """All of rayce on this machine, in the foreground: stores, stream, Serve."""
    _hand_on("up", "cluster.up", context.args)


@app.command(add_help_option=False, context_settings=_HANDED_ON)
def demo(context: typer.Context) -> None:
    """Real shopping data through the whole loop, with a page to look at it."""
    _hand_on("demo", "examples.demo", context.args)


@app.command()
def settings(
    markdown: Annotated[bool, typer.Option("--markdown", help="As docs/settings.md.")] = False,
) -> None:
    """Every knob, its default, and why one would turn it."""
    from rayce import settings_page

    typer.echo(settings_page.markdown() if markdown else settings_page.text(), nl=False)


CatalogueFile = Annotated[Path, typer.Argument(help="A segment catalogue (YAML).")]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="Settings file (default: RAYCE_SETTINGS, then the environment).")
]


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

    features = _features(settings)
    try:
        catalogue = load_catalogue(file, features)
    except InvalidCatalogue as error:
        _refuse(file, error)
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

    durable, otherwise = _stores(settings)
    try:
        live_catalogue.check_may_follow(durable, catalogue, otherwise)
    except InvalidCatalogue as error:
        _refuse(file, error)
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

    durable, otherwise = _stores(settings)
    try:
        load_catalogue(file, otherwise.features)  # names the file where it does not hold together
        text = file.read_text(encoding="utf-8")
        done = live_catalogue.activate(durable, text, otherwise, time.time_ns() // 1_000_000, otherwise.features)
    except InvalidCatalogue as error:
        _refuse(file, error)
    except RayceError as error:
        _fail(error)
    typer.echo(f"live: {_named(done)}")


@segments.command()
def rollback(settings: SettingsFile = None) -> None:
    """Make the catalogue live again that was so before the present one."""
    from rayce import live_catalogue
    from rayce.errors import RayceError

    durable, otherwise = _stores(settings)
    try:
        done = live_catalogue.roll_back(durable, otherwise.features)
    except RayceError as error:
        _fail(error)
    typer.echo(f"live again: {_named(done)}")


@segments.command()
def live(settings: SettingsFile = None) -> None:
    """Which catalogue is live, and since when."""
    from rayce import live_catalogue
    from rayce.errors import RayceError

    durable, otherwise = _stores(settings)
    try:
        found = live_catalogue.activated(durable)
    except RayceError as error:
        _fail(error)
    if found is None:
        typer.echo(f"nothing was activated: the settings' file is live, version {otherwise.version}")
    else:
        typer.echo(_named(found))


@features.command("list")
def list_features(settings: SettingsFile = None) -> None:
    """Every family of features: whether it is on by the settings, the event types that it heeds, and its features."""
    from rayce.features.feature_set import ALWAYS, OPTIONAL

    on = {family.name for family in _features(settings).families}
    for family in (*ALWAYS, *OPTIONAL):
        state = "always on" if family in ALWAYS else "on" if family.name in on else "off"
        typer.echo(f"{family.name} ({state})\n  of: {', '.join(sorted(family.types))}")
        for label, names in (("numbers", family.numbers), ("words", family.words)):
            if names:
                typer.echo(f"  {label}: {', '.join(names)}")


@features.command("check")
def check_features(file: Annotated[Path, typer.Argument(help="A catalogue of features (YAML).")]) -> None:
    """Check a catalogue as rayce would load it. Exit code 1, with key and value, where it does not hold together."""
    from rayce.errors import InvalidCatalogue
    from rayce.features.catalogue import load_features

    try:
        found = load_features(file)
    except InvalidCatalogue as error:
        _refuse(file, error)
    typer.echo(
        f"{file}: {len(found.families)} families ({', '.join(family.name for family in found.families)}),"
        f" {len(found.numbers)} numbers, {len(found.words)} words"
    )


@app.command()
def version() -> None:
    """The version of this library."""
    from rayce import __version__

    typer.echo(f"rayce {__version__}")


def main() -> None:
    """Entry point of the command `rayce`."""
    app(prog_name="rayce")


def _stores(path: Path | None) -> "tuple[Durable, Catalogue]":
    """Durable memory, and the catalogue that counts until one is activated."""
    from rayce.errors import InvalidInput
    from rayce.segments.catalogue import load_catalogue
    from rayce.settings import load_settings
    from rayce.stores.dynamo import DynamoStore

    try:
        loaded = load_settings(path)
        return DynamoStore(loaded.dynamodb), load_catalogue(loaded.segments.catalogue, _features(path))
    except InvalidInput as error:
        _fail(error)


def _features(path: Path | None) -> "FeatureSet":
    """The features that are on."""
    from rayce.errors import InvalidInput
    from rayce.features.catalogue import load_features
    from rayce.settings import load_settings

    try:
        return load_features(load_settings(path).features.catalogue)
    except InvalidInput as error:
        _fail(error)


def _tried(new: "Catalogue", sample: int, settings: Path | None) -> "DryRun | None":
    """The catalogue tried on a sample; None, and a word about it, where durable memory does not answer."""
    import time

    from rayce.errors import RayceError, Unavailable
    from rayce.live_catalogue import activated
    from rayce.sampling import sample_people
    from rayce.segment_models import SegmentModels, load_segment_models
    from rayce.segments.dry_run import dry_run

    durable, otherwise = _stores(settings)
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
        _fail(error)


def _named(found: "Activated") -> str:
    from datetime import UTC, datetime

    since = datetime.fromtimestamp(found.manifest.activated_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return (
        f"generation {found.number}, version {found.catalogue.version}, {len(found.catalogue.segments)} segments,"
        f" activated {since}"
    )


def _refuse(file: Path, error: "InvalidInput") -> NoReturn:
    named = str(error) if str(error).startswith(str(file)) else f"{file}: {error}"
    typer.echo(f"{named}\n  file:  {file}\n  key:   {error.key or '-'}\n  value: {error.value!r}", err=True)
    raise typer.Exit(1) from None


def _fail(error: Exception) -> NoReturn:
    typer.echo(str(error), err=True)
    raise typer.Exit(1) from None


def _hand_on(command: str, module: str, arguments: list[str]) -> NoReturn:
    """Become `python -m module`, so that signals and the exit code are the program's own."""
    checkout = _checkout(module)
    if checkout is None:
        typer.echo(
            f"`rayce {command}` runs the program {module}, which is not part of the installed library: "
            "run it inside a checkout of rayce.",
            err=True,
        )
        raise typer.Exit(2)
    paths = [str(checkout), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)


def _checkout(module: str) -> Path | None:
    """Where the program lies: beside this library, or where we stand."""
    for folder in (Path(__file__).resolve().parent.parent, Path.cwd()):
        place = folder.joinpath(*module.split("."))
        if place.with_suffix(".py").is_file() or (place / "__main__.py").is_file():
            return folder
    return None


if __name__ == "__main__":
    main()
