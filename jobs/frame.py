"""What all jobs have in common: the settings argument, progress, and how they end.

Progress goes to standard error. The last line of standard output is one JSON object:
`{"job", "generation": {name: number}, "metrics": {…}, "seconds"}`. `look_after` is the frame of those jobs that look after
the stores of all tenants and publish nothing; `jobs.job` is that of a tenant's jobs.
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from jobs.bounds import taken
from rayce.documents import EVERYBODY
from rayce.errors import RayceError
from rayce.features.catalogue import load_features
from rayce.job_runs import Run, RunKeeper
from rayce.live_catalogue import current_catalogue
from rayce.segments.catalogue import Catalogue
from rayce.settings import Settings, load_settings
from rayce.stores.interfaces import DurableGenerations, DurableNotes, HotWriter

Say = Callable[[str], None]
"""Progress, one line at a time."""


def parser_of(name: str, about: str | None) -> argparse.ArgumentParser:
    """The job's arguments: `--settings`, to which it adds its own."""
    parser = argparse.ArgumentParser(prog=f"python -m jobs.{name}", description=about, allow_abbrev=False)
    parser.add_argument(
        "--settings", metavar="PATH", help="settings file (default: RAYCE_SETTINGS, then the environment)"
    )
    return parser


def look_after(
    name: str,
    path: str | None,
    work: Callable[[Settings, Say], Mapping[str, Any]],
    comfort: str,
    told_to: Callable[[Settings], tuple[DurableNotes, HotWriter]] | None = None,
) -> int:
    """Runs the work, which returns what the last line says (`metrics`, perhaps more); returns the exit code.

    0 done, 1 a store failed or something is wrong with settings or files; then it is said why, and the `comfort`. Those that
    are run now and then are written down where `told_to` says.
    """
    started_s = time.monotonic()
    say = teller(name)
    keep: Callable[[Run], object] = lambda run: None  # noqa: E731 - until there are settings
    run = Run(name, EVERYBODY, time.time_ns() // 1_000_000)
    try:
        settings = load_settings(path)
        if told_to is not None:
            notes, hot = told_to(settings)
            keep = RunKeeper(notes, lambda: hot, say).keep
        keep(run)
        told = {**(made := work(settings, say)), "metrics": {**made["metrics"], **taken()}}
    except (RayceError, OSError, UnicodeDecodeError) as error:
        say(f"failed: {error}; {comfort}")
        keep(run.ended(time.time_ns() // 1_000_000, 1, f"failed: {error}"))
        return 1
    keep(run.ended(time.time_ns() // 1_000_000, 0, metrics=told["metrics"]))
    end(name, started_s, **told)
    return 0


def live_catalogue_of(settings: Settings, durable: DurableGenerations) -> Catalogue:
    """The segment catalogue that counts now."""
    return current_catalogue(durable, settings.segments.catalogue, load_features(settings.features.catalogue))


def teller(name: str) -> Say:
    """Says lines with the job's name and the seconds since now."""
    started_s = time.monotonic()

    def say(text: str) -> None:
        print(f"{name} {time.monotonic() - started_s:6.1f} s  {text}", file=sys.stderr, flush=True)

    return say


def end(
    name: str, started_s: float, *, metrics: Mapping[str, float], generation: Mapping[str, int] = {}, **more: Any
) -> None:
    """Print the last line; `started_s` is of `time.monotonic`."""
    seconds = round(time.monotonic() - started_s, 1)
    line = {"job": name, "generation": generation, "metrics": metrics, **more, "seconds": seconds}
    print(msgspec.json.encode(line).decode(), flush=True)
