"""`python -m cluster.local up | down | status | logs | reset`; `rayce local …` leads here."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.local.errors import LocalStackError
from cluster.local.kinds import ROLES, Mode
from cluster.local.log_files import follow, tail
from cluster.local.root_folder import RootFolder
from cluster.local.stack import LocalStack
from cluster.local.status_table import table
from cluster.local.watch import interruptible, up_and_watch

app = typer.Typer(
    help="Real Redis, Kafka and DynamoDB servers on this machine, without root and without Docker.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_out = Console(highlight=False, soft_wrap=True)
_err = Console(highlight=False, soft_wrap=True, stderr=True)

Root = Annotated[Path, typer.Option("--root", envvar="RAYCE_LOCAL_ROOT", help="Folder for data, logs and what runs.")]
Only = Annotated[
    list[str] | None, typer.Option("--only", help=f"Just this server: {', '.join(ROLES)}. May be repeated.")
]
_ROOT = Path(".rayce")


@app.command()
def up(
    root: Root = _ROOT,
    only: Only = None,
    embedded: Annotated[bool, typer.Option("--embedded", help="Stand-ins from Python wheels; no Java.")] = False,
    real: Annotated[bool, typer.Option("--real", help="Fail rather than fall back to a stand-in.")] = False,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay; stop everything on Ctrl-C.")] = False,
    topic: Annotated[
        list[str] | None, typer.Option(metavar="NAME:PARTITIONS", help="A topic that the mock broker has.")
    ] = None,
) -> None:
    """Start the servers and wait until they serve. Those that run already are used as they are."""
    if embedded and real:
        raise typer.BadParameter("--embedded and --real exclude each other")
    mode: Mode = "embedded" if embedded else "real" if real else "auto"
    with _reported():
        say = _speaker()
        stack = LocalStack(root, mode=mode, only=only, progress=say, topics=_topics(topic))
        interruptible()
        if foreground:
            sys.exit(up_and_watch(stack, say))
        stack.up()
        say(f"settings: {stack.settings_path}")


@app.command()
def down(root: Root = _ROOT, only: Only = None) -> None:
    """Stop the servers that were started for this root. Data are kept."""
    with _reported():
        LocalStack(root, only=only, progress=_speaker()).down()


@app.command()
def status(root: Root = _ROOT, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """How the servers are doing. The exit code is 1 unless all of them are ready."""
    with _reported():
        stack = LocalStack(root)
        servers = stack.status()
        if as_json:
            found = {"settings": str(stack.settings_path), "real": stack.real, "servers": [*map(asdict, servers)]}
            print(json.dumps(found, indent=2))
        elif servers:
            _out.print(table(servers, time.time()))
        else:
            _out.print(f"nothing was ever started in {root.resolve()}: run `up`")
        if not servers or not all(server.ready for server in servers):
            sys.exit(1)


@app.command()
def logs(
    name: Annotated[str | None, typer.Argument(help=f"Which server: {', '.join(ROLES)}. All when left out.")] = None,
    root: Root = _ROOT,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is added.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 20,
) -> None:
    """The servers' own logs."""
    with _reported():
        LocalStack(root, only=None if name is None else [name])  # Refuses an unknown name.
        files = [RootFolder(root).log(role) for role in ROLES if name in (None, role)]
        for file in files:
            for line in tail(file, lines):
                print(f"{file.stem}: {line}" if name is None else line)
        if following:
            for file, line in follow(files):
                print(f"{file.stem}: {line}" if name is None else line, flush=True)


@app.command()
def reset(
    root: Root = _ROOT, only: Only = None, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Stop the servers and delete their data and logs. Settings and keys are kept."""
    if not yes:
        typer.confirm(f"Delete the data of {', '.join(only or ROLES)} in {root.resolve()}?", abort=True)
    with _reported():
        LocalStack(root, only=only, progress=_speaker()).reset()


def _topics(given: list[str] | None) -> dict[str, int] | None:
    try:
        return {name: int(count) for name, _, count in (topic.rpartition(":") for topic in given)} if given else None
    except ValueError:
        raise typer.BadParameter("--topic wants NAME:PARTITIONS, as in rayce.events:8") from None


def _speaker() -> Callable[[str], None]:
    begun = time.monotonic()
    return lambda line: _out.print(f"[dim]{time.monotonic() - begun:6.1f} s[/]  ", line, markup=True, sep="")


@contextmanager
def _reported() -> Iterator[None]:
    """A failure is a message and exit code 1; Ctrl-C is exit code 130."""
    try:
        yield
    except LocalStackError as error:
        _err.print(str(error), style="red", markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        _err.print("interrupted")
        sys.exit(130)


if __name__ == "__main__":
    app(prog_name="rayce local")
