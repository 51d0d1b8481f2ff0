"""Tells what is live and what is kept to go back to: `python -m jobs.list_generations`; the last line has it as JSON."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from jobs.frame import Say, look_after, parser_of
from rayce.job_runs import Run, runs_of
from rayce.settings import Settings
from rayce.stores.dynamo import DynamoStore
from rayce.stores.interfaces import Durable


def list_generations(durable: Durable, tenant: str | None, say: Say) -> dict[str, dict[str, Any]]:
    """By name: what is live, what is kept or was live, what killed writers left, and by which run each was made."""
    runs = runs_of(durable)
    found: dict[str, dict[str, Any]] = {}
    for name, live in sorted(durable.live(f"{tenant}/" if tenant else "").items()):
        kept, were_live = durable.numbers(name), durable.were_live(name)
        made = {str(number): run for number in kept if (run := _made_by(runs, name, number)) is not None}
        found[name] = {
            "live": live,
            "kept": kept,
            "were_live": were_live,
            "unfinished": durable.unfinished(name),
            "made": made,
        }
        others = ", ".join(str(number) for number in kept if number != live) or "none"
        never = ", ".join(str(number) for number in kept if number not in were_live and str(number) not in made)
        told = f"{others}{'; never live: ' if never else ''}{never}"
        say(f"{name}: {live} is live{_told(made.get(str(live)))}; kept beside it: {told}")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Composes the run from the command line; returns the exit code: 0 done, 1 a store failed or settings are wrong."""
    parser = parser_of("list_generations", __doc__)
    parser.add_argument("--tenant", help="whose (default: everybody's)")
    options = parser.parse_args(argv)

    def work(settings: Settings, say: Say) -> dict[str, Any]:
        found = list_generations(_store(settings), options.tenant, say)
        kept = sum(len(each["kept"]) for each in found.values())
        return {"metrics": {"names": len(found), "kept": kept}, "generations": found}

    return look_after("list_generations", options.settings, work, "nothing was changed")


def _made_by(runs: Mapping[tuple[str, str], list[Run]], name: str, number: int) -> dict[str, Any] | None:
    for (_tenant, job), some in runs.items():
        for run in some:
            if run.generation.get(name) == number:
                return {"job": job, "started_ms": run.started_ms, "seconds": run.seconds}
    return None


def _told(made: dict[str, Any] | None) -> str:
    if made is None:
        return ""
    begun = datetime.fromtimestamp(made["started_ms"] / 1000, UTC).isoformat(" ", "minutes")
    return f", made by {made['job']} of {begun}"


def _store(settings: Settings) -> Durable:
    return DynamoStore(settings.dynamodb)


if __name__ == "__main__":
    sys.exit(main())
