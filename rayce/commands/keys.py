"""`rayce keys`: API keys, added and revoked without a restart."""

from typing import TYPE_CHECKING, Annotated

import typer

from rayce.commands import opening
from rayce.commands.options import SettingsFile
from rayce.commands.refusing import fail

if TYPE_CHECKING:
    pass

keys = typer.Typer(help="API keys: added, revoked and taken up by every edge without a restart.", no_args_is_help=True)


@keys.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="Who gets it: letters, digits, `_`, `.`, `-`.")],
    tenant: Annotated[str, typer.Option(help="Whose users and items it sees.")],
    scopes: Annotated[
        str, typer.Option(help="Of those in docs/http.md, with commas between them.")
    ] = "events,page,consent",
    rate: Annotated[
        float | None, typer.Option(min=0, help="Requests a second; 0: no limit. Else the settings'.")
    ] = None,
    burst: Annotated[float | None, typer.Option(min=0, help="Requests at once after a pause.")] = None,
    priority: Annotated[
        str, typer.Option(help="The highest it may have: interactive, prefetch, bulk.")
    ] = "interactive",
    until: Annotated[str, typer.Option(help="When it ends, as 2026-12-01T00:00:00Z.")] = "",
    settings: SettingsFile = None,
) -> None:
    """Make a new key and print it, this once: only its hash is kept. Edges know it within a second or so."""
    import secrets
    import time

    from msgspec import ValidationError, convert

    from rayce import api_keys
    from rayce.errors import RayceError
    from rayce.settings import ApiKey

    key = api_keys.make_key(secrets.token_bytes(api_keys.RANDOM_BYTES))
    row: dict[str, object] = {"sha256": api_keys.hash_of(key), "tenant": tenant, "until": until, "priority": priority}
    row |= {"scopes": [scope.strip() for scope in scopes.split(",")], "rate_per_s": rate, "burst": burst}
    try:
        api_keys.add_key(opening.durable(settings), name, convert(row, ApiKey), time.time_ns() // 1_000_000)
    except (RayceError, ValidationError) as error:
        fail(error)
    typer.echo(key)


@keys.command("revoke")
def revoke_key(name: Annotated[str, typer.Argument(help="Its name.")], settings: SettingsFile = None) -> None:
    """Take a key away: edges refuse it within a second or so. Keys of the settings are not touched."""
    import time

    from rayce import api_keys
    from rayce.errors import RayceError

    try:
        number = api_keys.revoke_key(opening.durable(settings), name, time.time_ns() // 1_000_000)
    except RayceError as error:
        fail(error)
    typer.echo(f"revoked: {name} (generation {number})")


@keys.command("list")
def list_keys(settings: SettingsFile = None) -> None:
    """The keys that were added: never the keys themselves, nor their hashes."""
    from rayce import api_keys
    from rayce.errors import RayceError

    try:
        found = api_keys.live_keys(opening.durable(settings))
    except RayceError as error:
        fail(error)
    for name, key in sorted(found.items()):
        rate = "" if key.rate_per_s is None else f", {key.rate_per_s:g}/s" if key.rate_per_s else ", no limit"
        lowered = "" if key.priority == "interactive" else f", at most {key.priority}"
        ends = f", until {key.until}" if key.until else ""
        typer.echo(f"{name}: tenant {key.tenant}, {'+'.join(key.scopes)}{rate}{lowered}{ends}")
