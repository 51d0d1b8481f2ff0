"""`rayce features`: catalogues of features."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rayce.commands import opening
from rayce.commands.options import SettingsFile
from rayce.commands.refusing import refuse

if TYPE_CHECKING:
    pass

features = typer.Typer(help="Catalogues of features.", no_args_is_help=True)


@features.command("list")
def list_features(settings: SettingsFile = None) -> None:
    """Every family of features: whether it is on by the settings, the event types that it heeds, and its features."""
    from rayce.features.feature_set import ALWAYS, OPTIONAL

    on = {family.name for family in opening.features(settings).families}
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
        refuse(file, error)
    typer.echo(
        f"{file}: {len(found.families)} families ({', '.join(family.name for family in found.families)}),"
        f" {len(found.numbers)} numbers, {len(found.words)} words"
    )
