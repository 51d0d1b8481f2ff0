"""`rayce slots`: what slots of pages show."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rayce.commands import opening
from rayce.commands.options import SettingsFile, Tenant
from rayce.commands.refusing import fail, refuse

if TYPE_CHECKING:
    from rayce.slots.book import SlotBook

slots = typer.Typer(help="Slots of pages: variants, rules and experiments.", no_args_is_help=True)


SlotsFile = Annotated[Path, typer.Argument(help="A slots document (YAML).")]


@slots.command("check")
def check_slots(file: SlotsFile, settings: SettingsFile = None) -> None:
    """Check a slots document as rayce would load it: what each slot does, and the odds of each arm.

    Exit code 1, with key and value, where it does not hold together or names a segment that the catalogue does not have.
    """
    from rayce.slots.summary import summary

    book = _slots(file, settings)[0]
    typer.echo(f"{file}: {len(book.slots)} slots, policy {book.policy}")
    for line in summary(book.slots):
        typer.echo(line)


@slots.command("activate")
def activate_slots(file: SlotsFile, tenant: Tenant, settings: SettingsFile = None) -> None:
    """Make a slots document live: every edge takes it up within a second or so, without a restart."""
    import time

    from rayce.documents import SLOTS, activate_document
    from rayce.errors import RayceError
    from rayce.slots.book import parse_slots

    book, text = _slots(file, settings)
    try:
        now_ms = time.time_ns() // 1_000_000
        number = activate_document(opening.durable(settings), tenant, SLOTS, text, parse_slots, now_ms)
    except RayceError as error:
        fail(error)
    typer.echo(f"live: generation {number}, policy {book.policy}")


@slots.command("rollback")
def roll_back_slots(tenant: Tenant, settings: SettingsFile = None) -> None:
    """Make the slots document live again that was so before the present one."""
    from rayce.documents import SLOTS, roll_back_document
    from rayce.errors import RayceError
    from rayce.slots.book import parse_slots

    try:
        number = roll_back_document(opening.durable(settings), tenant, SLOTS, parse_slots)
    except RayceError as error:
        fail(error)
    typer.echo(f"live again: generation {number}")


@slots.command("live")
def live_slots(
    tenant: Tenant,
    settings: SettingsFile = None,
    text: Annotated[bool, typer.Option("--text", help="The document itself.")] = False,
) -> None:
    """Which slots document is live, and since when."""
    from datetime import UTC, datetime

    from rayce.documents import SLOTS, live_document
    from rayce.errors import RayceError
    from rayce.slots.book import parse_slots

    try:
        found = live_document(opening.durable(settings), tenant, SLOTS)
        policy = parse_slots(found.text).policy if found else ""
    except RayceError as error:
        fail(error)
    if found is None:
        typer.echo("nothing was activated: there are no slots")
    elif text:
        typer.echo(found.text, nl=False)
    else:
        since = datetime.fromtimestamp(found.activated_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        typer.echo(f"generation {found.number}, policy {policy}, activated {since}")


def _slots(file: Path, settings: Path | None) -> "tuple[SlotBook, str]":
    """The document in a file, checked against the segments that are live (the settings' where no store tells)."""
    from rayce.errors import InvalidInput, Unavailable
    from rayce.live_catalogue import activated
    from rayce.slots.book import parse_slots

    durable, catalogue = opening.stores(settings)
    try:
        known = activated(durable, catalogue.features)
        catalogue = known.catalogue if known else catalogue
    except Unavailable as error:
        typer.echo(f"segments are checked against the settings' catalogue: {error}", err=True)
    except InvalidInput as error:
        fail(error)
    try:
        text = file.read_text(encoding="utf-8")
        book = parse_slots(text)
        book.check_segments(catalogue)
    except InvalidInput as error:
        refuse(file, error)
    except (OSError, UnicodeDecodeError) as error:
        fail(error)
    return book, text
