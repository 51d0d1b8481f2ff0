"""How a command ends when something is wrong: in words, with exit code 1."""

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from rayce.errors import InvalidInput


def refuse(file: Path, *errors: "InvalidInput") -> NoReturn:
    """What of the file is wrong: file, key and value of each mistake."""
    for error in errors:
        tell(file, error)
    raise typer.Exit(1) from None


def tell(file: Path, error: "InvalidInput") -> None:
    """One thing that is wrong with the file."""
    named = str(error) if str(error).startswith(str(file)) else f"{file}: {error}"
    typer.echo(f"{named}\n  file:  {file}\n  key:   {error.key or '-'}\n  value: {error.value!r}", err=True)


def fail(error: Exception) -> NoReturn:
    """Anything else, in its own words; where a store does not answer, how commands are told where it is."""
    from rayce.errors import Unavailable

    hint = "\nwhere the stores are: --settings FILE, or RAYCE_SETTINGS" if isinstance(error, Unavailable) else ""
    typer.echo(f"{error}{hint}", err=True)
    raise typer.Exit(1) from None
