"""`python -m examples.demo`: the demo shop on this machine, with a page, or `--once` with a report and an exit code."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop
from rich.console import Console

from examples.demo.app import Page
from examples.demo.clock import MAX_SPEED
from examples.demo.progress import Progress
from examples.demo.report import show_report
from examples.demo.show import STAGES, Options, Show
from examples.demo.terminal import Terminal

FAILED, INTERRUPTED = 1, 130
_ONCE_MARK = "made-by-demo-once"

app = typer.Typer(add_completion=False)


def parse_speed(text: str) -> float:
    """A number of simulated seconds in one real second, or `max`."""
    if text.strip().lower() == "max":
        return MAX_SPEED
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise typer.BadParameter(f"{text!r} is neither a number above 0 nor `max`")
    return speed


@app.command()
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="No page: play, report, end. Exit code 0 only if all promises held.")
    ] = False,
    json: Annotated[Path | None, typer.Option(help="Write the report here as JSON.")] = None,
    weeks: Annotated[
        int, typer.Option(min=1, max=52, help="The last so many weeks are played live; before is history.")
    ] = 4,
    speed: Annotated[
        str, typer.Option(help="Simulated seconds in one second, or `max` (with --once the default).")
    ] = "",
    households: Annotated[int, typer.Option(min=5, help="A sample of so many households; there are 2,469.")] = 300,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Stand-ins from Python wheels instead of Kafka and DynamoDB.")
    ] = False,
    root: Annotated[
        Path | None, typer.Option(help="Where everything is kept; default .rayce, with --once .rayce/once.")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page, or the next free one.")] = 8700,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    up: Annotated[str, typer.Option(hidden=True)] = "cluster.up",
    jobs: Annotated[str, typer.Option(hidden=True)] = "jobs",
) -> None:
    """Real shopping through the whole loop: events, segments, recommendations, and what they were worth."""
    rate = parse_speed(speed or ("max" if once else "10000"))
    terminal = Terminal(Console(stderr=True))
    with _root(root, once) as directory:
        options = Options(directory, weeks, rate, households, embedded, once, up, jobs)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            raise typer.Exit(runner.run(_main(options, terminal, json, port, browser)))


async def _main(options: Options, terminal: Terminal, json: Path | None, port: int, browser: bool) -> int:
    progress = Progress(STAGES, terminal.on_change)
    show = Show(options, progress, terminal.say)
    work = asyncio.create_task(_once(show) if options.once else _watch(show, Page(show, port), terminal, browser))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    code = FAILED
    try:
        with terminal.showing(progress):
            await work
        code = 0
    except asyncio.CancelledError:
        code = INTERRUPTED if options.once else 0
    except Exception as error:  # whatever went wrong, what was started is stopped and the reason is told
        terminal.console.print(f"[red]✗[/] {type(error).__name__}:", end=" ")
        terminal.console.print(str(error), markup=False)
    finally:
        terminal.console.print("stopping …", style="dim")
        await show.close()
    if show.found.households:
        report = show.report()
        show_report(report, Console())
        if json is not None:
            json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
        if code == 0 and options.once and not report.ok():
            code = FAILED
    return code


async def _once(show: Show) -> None:
    await show.open()
    await show.play()
    await show.verify()


async def _watch(show: Show, page: Page, terminal: Terminal, browser: bool) -> None:
    async with page.serving() as url:
        terminal.say(f"the demo's page: {url}   (Ctrl-C stops everything)")
        if browser and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            typer.launch(url)
        try:
            await _once(show)
        except Exception as error:  # the page stays and tells
            terminal.say(f"{type(error).__name__}: {error}")
        await asyncio.Event().wait()


@contextlib.contextmanager
def _root(root: Path | None, once: bool) -> Iterator[Path]:
    """The directory to work in, held by nobody else. `--once` without a root begins with an empty one of its own."""
    directory = root or Path(".rayce") / ("once" if once else "")
    directory.mkdir(parents=True, exist_ok=True)
    mark = directory / _ONCE_MARK
    with (directory / "demo.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise typer.BadParameter(
                f"a demo is running on {directory} already; stop it or take another --root"
            ) from None
        if once and root is None:
            if mark.exists():
                for child in directory.iterdir():
                    if child.name not in (_ONCE_MARK, "demo.lock"):
                        shutil.rmtree(child) if child.is_dir() else child.unlink()
            mark.touch()
        yield directory


if __name__ == "__main__":
    app()
