"""`rayce models`: which ranking model ranks for whom, and the reports of what was trained."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rayce.commands import opening
from rayce.commands.options import SettingsFile, Tenant
from rayce.commands.refusing import fail, refuse

if TYPE_CHECKING:
    from rayce.model_routing import Routing

models = typer.Typer(help="Ranking models: which of them ranks for whom.", no_args_is_help=True)


RoutingFile = Annotated[Path, typer.Argument(help="A routing of models (YAML).")]


@models.command("check")
def check_models(file: RoutingFile) -> None:
    """Check a routing as rayce would load it, and say who gets what. Exit code 1, with key and value, where it is wrong."""
    from rayce.model_routing import DEFAULT

    found, _text = _routing(file)
    left = 1 - sum(portion.share for portion in found.split)
    for name, share in (*((portion.model, portion.share) for portion in found.split), (DEFAULT, left)):
        typer.echo(f"{share:7.2%} of the people: {name}")
    for portion in found.shadow:
        typer.echo(f"{portion.share:7.2%} of the people: {portion.model}, scored and never shown")


@models.command("activate")
def activate_models(file: RoutingFile, tenant: Tenant, settings: SettingsFile = None) -> None:
    """Make a routing live: every ranker takes it up within a second or so, without a restart."""
    import time

    from rayce.documents import MODELS, activate_document
    from rayce.errors import RayceError
    from rayce.model_routing import parse_routing

    _found, text = _routing(file)
    try:
        now_ms = time.time_ns() // 1_000_000
        number = activate_document(opening.durable(settings), tenant, MODELS, text, parse_routing, now_ms)
    except RayceError as error:
        fail(error)
    typer.echo(f"live: generation {number}")


@models.command("rollback")
def roll_back_models(tenant: Tenant, settings: SettingsFile = None) -> None:
    """Make the routing live again that was so before the present one."""
    from rayce.documents import MODELS, roll_back_document
    from rayce.errors import RayceError
    from rayce.model_routing import parse_routing

    try:
        number = roll_back_document(opening.durable(settings), tenant, MODELS, parse_routing)
    except RayceError as error:
        fail(error)
    typer.echo(f"live again: generation {number}")


@models.command("live")
def live_models(tenant: Tenant, settings: SettingsFile = None) -> None:
    """The routing that is live, as it was written."""
    from rayce.documents import MODELS, document_text
    from rayce.errors import RayceError

    try:
        text = document_text(opening.durable(settings), tenant, MODELS)
    except RayceError as error:
        fail(error)
    typer.echo("nothing was activated: everybody gets `default`\n" if text is None else text, nl=False)


@models.command("report")
def report_models(
    tenant: Tenant,
    kind: Annotated[
        str, typer.Option("--kind", help="`ranker`, `ranker.<name>`, `segment-model.<name>`, `evaluation`, `lists`, …")
    ] = "ranker",
    generation: Annotated[int | None, typer.Option("--generation", help="Which one (default: the live one).")] = None,
    settings: SettingsFile = None,
) -> None:
    """Print the report page (HTML) that a training or an evaluation has left with its generation."""
    from rayce.errors import RayceError
    from rayce.generations import generation_name
    from rayce.report_page import REPORT_FILE

    name = generation_name(tenant, kind)
    try:
        durable = opening.durable(settings)
        number = generation if generation is not None else durable.live(name).get(name)
        files = durable.load_generation(name, number) if number is not None else {}
    except RayceError as error:
        fail(error)
    if REPORT_FILE not in files:
        fail(LookupError(f"{name} has no report" if files else f"no generation of {name} is live"))
    typer.echo(files[REPORT_FILE].decode(), nl=False)


def _routing(file: Path) -> "tuple[Routing, str]":
    """The routing in a file, and its text."""
    from rayce.errors import InvalidInput
    from rayce.model_routing import parse_routing

    try:
        text = file.read_text(encoding="utf-8")
        return parse_routing(text), text
    except InvalidInput as error:
        refuse(file, error)
    except (OSError, UnicodeDecodeError) as error:
        fail(error)
