"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="Settings file (default: RAYCE_SETTINGS, then the environment).")
]


Tenant = Annotated[str, typer.Option("--tenant", help="Whose it is.")]
