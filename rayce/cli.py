"""The command `rayce`. What needs more than the library is handed to the programs of the checkout by name."""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from rayce.commands.exporting import exporting
from rayce.commands.features import features
from rayce.commands.importing import importing
from rayce.commands.jobs import jobs
from rayce.commands.keys import keys
from rayce.commands.lake import lake
from rayce.commands.models import models
from rayce.commands.rules import rules
from rayce.commands.segments import segments
from rayce.commands.slots import slots

app = typer.Typer(
    help="rayce: real-time personalization on Ray.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(segments, name="segments")
app.add_typer(keys, name="keys")
app.add_typer(slots, name="slots")
app.add_typer(models, name="models")
app.add_typer(rules, name="rules")
app.add_typer(features, name="features")
app.add_typer(lake, name="lake")
app.command("jobs")(jobs)
app.add_typer(importing, name="import")
app.add_typer(exporting, name="export")


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


@app.command()
def version() -> None:
    """The version of this library."""
    from rayce import __version__

    typer.echo(f"rayce {__version__}")


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


def main() -> None:
    """Entry point of the command `rayce`."""
    app(prog_name="rayce")


if __name__ == "__main__":
    main()
