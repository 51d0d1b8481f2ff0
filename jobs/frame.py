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

from rayce.errors import RayceError
from rayce.features.catalogue import load_features
from rayce.live_catalogue import current_catalogue
from rayce.segments.catalogue import Catalogue
from rayce.settings import Settings, load_settings
from rayce.stores.interfaces import DurableGenerations

Say = Callable[[str], None]
"""Progress, one line at a time."""


def parser_of(name: str, about: str | None) -> argparse.ArgumentParser:
    """The job's arguments: `--settings`, to which it adds its own."""
    parser = argparse.ArgumentParser(prog=f"python -m jobs.{name}", description=about)
    parser.add_argument(
        "--settings", metavar="PATH", help="settings file (default: RAYCE_SETTINGS, then the environment)"
    )
    return parser


def look_after(name: str, path: str | None, work: Callable[[Settings, Say], Mapping[str, Any]], comfort: str) -> int:
    """Runs the work, which returns what the last line says (`metrics`, perhaps more); returns the exit code.

    0 done, 1 a store failed or something is wrong with settings or files; then it is said why, and the `comfort`.
    """
    started_s = time.monotonic()
    say = teller(name)
    try:
        told = work(load_settings(path), say)
    except (RayceError, OSError, UnicodeDecodeError) as error:
        say(f"failed: {error}; {comfort}")
        return 1
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
