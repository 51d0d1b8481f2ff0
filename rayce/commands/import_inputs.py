"""What `rayce import` is given: files, a mapping, purposes, and where refused rows are told. What is wrong ends the command."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from rayce.commands.refusing import fail, refuse

if TYPE_CHECKING:
    from rayce.importing.mapping import EventMapping, ItemMapping
    from rayce.importing.report import RowRefusal
    from rayce.importing.source_file import Form, SourceFile

M = TypeVar("M", "EventMapping", "ItemMapping")

Files = Annotated[list[Path], typer.Argument(help="Parquet, CSV, TSV or JSON lines; all but Parquet also .gz or .zst.")]
MappingFile = Annotated[
    Path | None, typer.Option("--mapping", help="What the columns mean (YAML). Without one they have our own names.")
]
OneTenant = Annotated[str | None, typer.Option("--tenant", help="Whose it is (default: the only one of the API keys).")]
NewTenant = Annotated[bool, typer.Option("--new-tenant", help="The tenant may be one that no API key names.")]
FormName = Annotated[
    str | None, typer.Option("--format", help="parquet, csv or jsonl, where the name of the file does not say it.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, show what would come of it, write nothing.")]
ErrorsFile = Annotated[
    Path | None, typer.Option("--errors", help="Write every refused row to this file, as JSON lines.")
]
MaxErrors = Annotated[
    int | None, typer.Option("--max-errors", min=0, help="Stop when more rows of a file are refused than this.")
]


def sources_of(files: list[Path], form: str | None) -> "list[SourceFile]":
    """All of them, before anything is written."""
    from rayce.errors import InvalidInput
    from rayce.importing.source_file import FORMS, recognise

    if form is not None and form not in FORMS.values():
        fail(InvalidInput(f"--format: parquet, csv or jsonl, not {form!r}", "--format", form))
    chosen: Form | None = form  # type: ignore[assignment]
    try:
        return [recognise(file, chosen) for file in files]
    except InvalidInput as error:
        fail(error)


def mapping_of(file: Path | None, kind: type[M]) -> M | None:
    """The mapping of a file; None where none is given."""
    from rayce.errors import InvalidDocument
    from rayce.importing.mapping import load_mapping

    try:
        return None if file is None else load_mapping(file, kind)
    except InvalidDocument as error:
        assert file is not None
        refuse(file, error)


def bits_said(names: str | None) -> int | None:
    """Purposes by name, with commas, as bits."""
    from rayce.consent import PURPOSES
    from rayce.errors import InvalidInput
    from rayce.importing.mapping import bits_of

    if names is None:
        return None
    said = [name.strip() for name in names.split(",")]
    if unknown := [name for name in said if name not in PURPOSES]:
        fail(InvalidInput(f"--consent: {', '.join(PURPOSES)}, not {unknown[0]!r}", "--consent", names))
    return bits_of(said)


@contextmanager
def teller(path: Path | None) -> "Iterator[Callable[[RowRefusal], None]]":
    """Tells refused rows to a file, or to nobody."""
    from msgspec import json

    if path is None:
        yield lambda refusal: None
        return
    try:
        file = open(path, "wb")  # noqa: SIM115 - closed below
    except OSError as error:
        fail(error)
    with file:

        def tell(refusal: "RowRefusal") -> None:
            file.write(json.encode(refusal, enc_hook=str) + b"\n")

        yield tell
