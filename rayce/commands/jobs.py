"""`rayce jobs`: the last run of each job, and how long ago it ended well."""

from typing import TYPE_CHECKING, Annotated

import typer

from rayce.commands import opening
from rayce.commands.options import SettingsFile
from rayce.commands.refusing import fail

if TYPE_CHECKING:
    from rayce.job_runs import Run


def jobs(
    settings: SettingsFile = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Whose jobs (default: everybody's).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All runs that are kept, as one JSON object.")] = False,
    max_age_h: Annotated[
        float | None, typer.Option("--max-age-h", help="Exit code 3 where one has not ended well for longer than this.")
    ] = None,
) -> None:
    """The last run of each job: when, how it ended, what it made live, and when one last ended well."""
    import time

    import msgspec

    from rayce.errors import RayceError
    from rayce.job_runs import last_success, runs_of

    try:
        found = runs_of(opening.durable(settings))
    except RayceError as error:
        fail(error)
    runs = {key: some for key, some in sorted(found.items()) if some and tenant in (None, key[0])}
    if as_json:
        typer.echo(msgspec.json.encode({f"{owner}/{job}": some for (owner, job), some in runs.items()}).decode())
    now_s = time.time()
    late = []
    for (owner, job), some in runs.items():
        good = last_success(some)
        age_s = now_s - good.started_ms / 1000 - good.seconds if good else None
        if max_age_h is not None and (age_s is None or age_s > max_age_h * 3600):
            late.append(f"{job} of {owner}")
        if not as_json:
            typer.echo(_line(some[0], age_s, now_s))
    if late:
        typer.echo(f"not ended well for {max_age_h:g} h: {', '.join(late)}", err=True)
        raise typer.Exit(3)


def _line(run: "Run", age_s: float | None, now_s: float) -> str:
    from rayce.job_runs import ENDINGS

    begun = f"begun {_spoken(now_s - run.started_ms / 1000)} ago"
    if run.exit_code is None:
        ended = "at work, or killed"
    else:
        ended = f"{ENDINGS.get(run.exit_code, f'exit code {run.exit_code}')} in {run.seconds:.1f} s"
    made = ", ".join(f"{name} {number}" for name, number in run.generation.items())
    good = "never ended well" if age_s is None else f"last ended well {_spoken(age_s)} ago"
    why = f" ({run.why})" if run.why else ""
    return f"{run.job:<24} {run.tenant:<16} {begun}; {ended}{why}; {good}" + (f"; live: {made}" if made else "")


def _spoken(seconds: float) -> str:
    for unit, size_s in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * size_s:
            return f"{seconds / size_s:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
