"""`rayce import`: events and items from files.

Exit code 0: all rows are in. 1: a file or a store broke off; what was in stays in. 3: some rows were refused, the rest is in.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from rayce.commands.import_inputs import (
    DryRun,
    ErrorsFile,
    Files,
    FormName,
    MappingFile,
    MaxErrors,
    NewTenant,
    OneTenant,
    bits_said,
    mapping_of,
    sources_of,
    teller,
)
from rayce.commands.import_page import end, say_progress, show_events, show_items
from rayce.commands.options import SettingsFile
from rayce.commands.refusing import fail

if TYPE_CHECKING:
    from rayce.importing.event_import import EventImport, How
    from rayce.importing.source_file import SourceFile

importing = typer.Typer(help="History and items from files.", no_args_is_help=True)


@importing.command()
def events(
    files: Files,
    mapping: MappingFile = None,
    tenant: OneTenant = None,
    dry_run: DryRun = False,
    again: Annotated[
        bool, typer.Option("--again/--resume", help="Also read files that were imported to their end.")
    ] = False,
    consent: Annotated[
        str | None,
        typer.Option("--consent", help="What all people allowed, where the file does not say it: names, with commas."),
    ] = None,
    errors: ErrorsFile = None,
    max_errors: MaxErrors = None,
    form: FormName = None,
    new_tenant: NewTenant = False,
    settings: SettingsFile = None,
) -> None:
    """Import events; what was killed goes on where it was, and no row is counted twice."""
    from rayce.errors import RayceError
    from rayce.importing.event_import import How
    from rayce.importing.mapping import EventMapping

    sources, read, bits = sources_of(files, form), mapping_of(mapping, EventMapping), bits_said(consent)
    is_broken = some_refused = False
    with teller(errors) as tell, ExitStack() as held:
        how = How(read, bits, max_errors, again, tell=tell, progress=lambda report: say_progress(report, dry_run))
        try:
            for one in _imports(sources, how, _Whose(tenant, new_tenant, settings), dry_run, held):
                report = one.run()
                show_events(report, dry_run)
                is_broken |= bool(report.broken)
                some_refused |= bool(report.counts.refused)
        except (RayceError, OSError) as error:
            fail(error)
    end(is_broken, some_refused)


@importing.command()
def items(
    files: Files,
    mapping: MappingFile = None,
    tenant: OneTenant = None,
    dry_run: DryRun = False,
    errors: ErrorsFile = None,
    max_errors: MaxErrors = None,
    form: FormName = None,
    new_tenant: NewTenant = False,
    settings: SettingsFile = None,
) -> None:
    """Import items: put, or replaced where they are there. Replies know of them within seconds."""
    from rayce.commands import import_opening as opening
    from rayce.errors import RayceError
    from rayce.importing.item_import import import_items
    from rayce.importing.mapping import ItemMapping

    sources, read, save = sources_of(files, form), mapping_of(mapping, ItemMapping), None
    is_broken = some_refused = False
    with teller(errors) as tell:
        try:
            if not dry_run:
                loaded = opening.opened_settings(settings)
                whose, durable = opening.tenant_of(loaded, tenant), opening.opened_durable(loaded)
                if not new_tenant:
                    opening.check_tenant(loaded, whose, durable)
                save = opening.item_saver(loaded, durable, whose)
            for source in sources:
                report = import_items(source, read, save, tell, max_errors)
                show_items(report, dry_run)
                is_broken |= bool(report.broken)
                some_refused |= bool(report.refused)
        except (RayceError, OSError) as error:
            fail(error)
    end(is_broken, some_refused)


class _Whose(NamedTuple):
    """Whose events, as the command was told."""

    tenant: str | None
    is_new: bool
    settings: Path | None


def _imports(
    sources: "list[SourceFile]", how: "How", said: _Whose, dry_run: bool, held: ExitStack
) -> "Iterator[EventImport]":
    """One import a file; stores are reached only where something is to be written, and `held` keeps other imports off."""
    from rayce.commands import import_opening as opening
    from rayce.importing.delivery import Delivery
    from rayce.importing.event_import import EventImport, Target
    from rayce.importing.intake import Intake
    from rayce.importing.ledger import Ledger
    from rayce.importing.seen import Seen
    from rayce.importing.settling import settle
    from rayce.importing.source_file import fingerprint
    from rayce.ingest import Stamper
    from rayce.stores.memory import MemoryDurable

    settings = opening.opened_settings(said.settings)
    whose = opening.tenant_of(settings, said.tenant)
    names = opening.opened_pseudonymizer(settings)
    durable = MemoryDurable() if dry_run else opening.opened_durable(settings)
    if not said.is_new:
        opening.check_tenant(settings, whose, None if dry_run else durable)
    ledger, target = Ledger(durable, whose), None
    if not dry_run:
        held.enter_context(opening.only_import(settings, whose))
        delivery = Delivery(opening.opened_log(settings), whose, lambda text: typer.echo(text, err=True))
        target = Target(delivery, durable.save_consent)
        found = settle(ledger, delivery)
        if found:
            typer.echo(f"{found:,} events of a run that was killed are in the log already", err=True)
    seen, words = Seen(ledger), opening.words_of_items(durable, whose)
    for source in sources:
        intake = Intake(
            tenant=whose,
            pseudonymizer=names,
            stamper=Stamper(names, settings.privacy),
            load_consents=durable.load_consents,
            fingerprint=fingerprint(source.path),
            identity=how.mapping.identity if how.mapping else "content",
            words=words,
            tolerance_s=settings.edge.future_tolerance_s,
        )
        yield EventImport(source, intake, ledger, seen, target, how)
