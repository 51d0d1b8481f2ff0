"""`rayce rules`: the marketer's rules, checked, tried on logged requests, activated, taken back."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rayce.commands import opening
from rayce.commands.options import SettingsFile, Tenant
from rayce.commands.refusing import fail, refuse, tell

if TYPE_CHECKING:
    from rayce.errors import InvalidRules
    from rayce.rules.comparison import Comparison
    from rayce.rules.rule_set import RuleSet
    from rayce.segments.catalogue import Catalogue
    from rayce.stores.interfaces import Durable

rules = typer.Typer(help="The marketer's rules for recommendations.", no_args_is_help=True)


RulesFile = Annotated[Path, typer.Argument(help="The rules (YAML).")]
RulesFiles = Annotated[list[Path], typer.Argument(help="The rules (YAML); of each file by itself.")]


@rules.command("check")
def check_rules(
    files: RulesFiles,
    tenant: Annotated[str, typer.Option("--tenant", help="Whose requests --sample takes.")] = "",
    sample: Annotated[int, typer.Option(min=0, help="Try them on so many of the last logged requests.")] = 0,
    settings: SettingsFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object for each file instead of tables.")] = False,
) -> None:
    """Check rules as rayce would load them. Exit code 1, with file, key and value of all mistakes, if there is one.

    With --sample also what they would change, side by side: lists by the rules that are live and by these.
    """
    if sample and not tenant:
        fail(ValueError("--sample needs --tenant: whose requests?"))
    durable, catalogue = _segments_now(settings)
    is_wrong = False
    for file in files:
        wrong = _mistakes(file, catalogue)
        for mistake in wrong:
            tell(file, mistake)
        is_wrong = is_wrong or bool(wrong)
        if not wrong:
            _tell_rules(file, durable, catalogue, tenant, sample, settings, as_json)
    if is_wrong:
        raise typer.Exit(1)


def _tell_rules(
    file: Path,
    durable: "Durable",
    catalogue: "Catalogue",
    tenant: str,
    sample: int,
    settings: Path | None,
    as_json: bool,
) -> None:
    """What rules that hold together are, and what they would change."""
    from msgspec import json

    found = _rules(file, catalogue)
    compared = _compared(durable, found, catalogue, tenant, sample, settings) if sample else None
    if as_json:
        told = {"file": str(file), "rules": len(found.rules), "notes": found.notes, "sample": compared}
        typer.echo(json.encode(told).decode())
        return
    off = len(found.all) - len(found.rules)
    typer.echo(f"{file}: {len(found.rules)} rules" + (f" and {off} that are off" if off else ""))
    for note in found.notes:
        typer.echo(f"note: {note}")
    if compared is not None:
        from rich.console import Console

        from rayce.rules_page import show

        show(compared, Console(file=sys.stdout))


@rules.command("activate")
def activate_rules(file: RulesFile, tenant: Tenant, settings: SettingsFile = None) -> None:
    """Make rules live: every ranker and edge takes them up within a second or so, without a restart."""
    import time

    from rayce.documents import RULES, activate_document
    from rayce.errors import RayceError
    from rayce.rules.rule_set import parse_rules

    durable, catalogue = _segments_now(settings)
    found = _rules(file, catalogue)
    try:
        text, now_ms = file.read_text(encoding="utf-8"), time.time_ns() // 1_000_000
        number = activate_document(durable, tenant, RULES, text, parse_rules, now_ms)
    except RayceError as error:
        fail(error)
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"live: generation {number}, {len(found.rules)} rules")


@rules.command("rollback")
def roll_back_rules(tenant: Tenant, settings: SettingsFile = None) -> None:
    """Make the rules live again that were so before the present ones."""
    from rayce.documents import RULES, roll_back_document
    from rayce.errors import RayceError
    from rayce.rules.rule_set import parse_rules

    try:
        number = roll_back_document(opening.durable(settings), tenant, RULES, parse_rules)
    except RayceError as error:
        fail(error)
    typer.echo(f"live again: generation {number}")


@rules.command("live")
def live_rules(
    tenant: Tenant,
    settings: SettingsFile = None,
    text: Annotated[bool, typer.Option("--text", help="The rules themselves.")] = False,
) -> None:
    """Which rules are live, and since when."""
    from datetime import UTC, datetime

    from rayce.documents import RULES, live_document
    from rayce.errors import RayceError

    try:
        found = live_document(opening.durable(settings), tenant, RULES)
    except RayceError as error:
        fail(error)
    if found is None:
        typer.echo("nothing was activated: there are no rules")
    elif text:
        typer.echo(found.text, nl=False)
    else:
        since = datetime.fromtimestamp(found.activated_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        typer.echo(f"generation {found.number}, activated {since}")


def _mistakes(file: Path, catalogue: "Catalogue") -> "list[InvalidRules]":
    """Everything that is wrong with a file."""
    from rayce.errors import InvalidRules
    from rayce.rules.mistakes import mistakes

    try:
        return mistakes(file.read_text(encoding="utf-8"), catalogue)
    except (OSError, UnicodeDecodeError) as error:
        return [InvalidRules(str(error), "", str(file))]


def _rules(file: Path, catalogue: "Catalogue") -> "RuleSet":
    """The rules in a file."""
    from rayce.errors import InvalidRules
    from rayce.rules.rule_set import load_rules

    try:
        return load_rules(file, catalogue)
    except InvalidRules as error:
        refuse(file, error)


def _segments_now(settings: Path | None) -> "tuple[Durable, Catalogue]":
    """Durable memory, and the segments that are live (the settings' where no store tells)."""
    from rayce.errors import InvalidInput, Unavailable
    from rayce.live_catalogue import activated

    durable, catalogue = opening.stores(settings)
    try:
        known = activated(durable, catalogue.features)
        return durable, known.catalogue if known else catalogue
    except Unavailable as error:
        typer.echo(f"segments are checked against the settings' catalogue: {error}", err=True)
    except InvalidInput as error:
        fail(error)
    return durable, catalogue


def _compared(
    durable: "Durable", new: "RuleSet", catalogue: "Catalogue", tenant: str, sample: int, settings: Path | None
) -> "Comparison | None":
    """The rules tried on logged requests; None, and a word about it, where there are none or a store does not answer."""
    from rayce.errors import InvalidInput, Unavailable
    from rayce.rules_trial import try_rules
    from rayce.settings import load_settings
    from rayce.stores.interfaces import DECISIONS
    from rayce.stores.kafka_log import LogReader

    try:
        kafka = load_settings(settings).kafka
        reader = LogReader(kafka, range(kafka.partitions), topic=DECISIONS, group="rayce-rules-check")
        try:
            found = try_rules(durable, reader, tenant, new, catalogue, sample)
        finally:
            reader.close()
    except Unavailable as error:
        typer.echo(f"not tried on anything: {error}", err=True)
        return None
    except InvalidInput as error:
        fail(error)
    if found.requests:
        return found
    typer.echo(f"not tried on anything: no request of `{tenant}` with its candidates is in {DECISIONS}", err=True)
    return None
