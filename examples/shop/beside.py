"""What a shop has to be given before it opens, made with rayce's own command on the machine where `rayce up` runs.

A tenant of its own, a key for the server and one for pages, the slots and the rules. Elsewhere somebody with the rights does
the same by hand (docs/example-shop.md), and the shop gets its keys as options.
"""

import asyncio
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

HERE = Path(__file__).parent
TENANT = "shop"
SERVER_SCOPES, PAGE_SCOPES = "events,read,write", "events,page,consent"
LEARNING = ("build_affinities", "train_ranker", "build_recommendations")
NOT_ENOUGH_DATA, WORSE_THAN_LIVE = 2, 3


class SetUpFailed(Exception):
    """One of rayce's commands has failed; the message holds what it said. Mend that and start again."""


class Running(Struct):
    """What `rayce up` says of itself in `.rayce/cluster.json`."""

    url: str
    settings: str


class Keys(NamedTuple):
    """The secrets of the two keys."""

    server: str
    page: str


def running_in(root: Path) -> Running | None:
    """The rayce that runs with this root folder; None where none does."""
    try:
        return msgspec.json.decode((root / "cluster.json").read_bytes(), type=Running)
    except (OSError, msgspec.MsgspecError):
        return None


async def set_up(running: Running) -> Keys:
    """New keys in place of those of the last start, the slots, the rules."""
    made = []
    for name, scopes in (("shop-server", SERVER_SCOPES), ("shop-page", PAGE_SCOPES)):
        await _rayce(running, "keys", "revoke", name, may_fail=True)
        made.append(await _rayce(running, "keys", "add", name, "--tenant", TENANT, "--scopes", scopes))
    for what in ("slots", "rules"):
        await _rayce(running, what, "activate", str(HERE / f"{what}.yaml"), "--tenant", TENANT)
    return Keys(*made)


async def learn(running: Running) -> list[str]:
    """Runs the jobs that make lists and models of what has happened; the names of those that had enough to go by."""
    done = []
    for job in LEARNING:
        command = ["-m", f"jobs.{job}", "--tenant", TENANT, "--settings", running.settings]
        code, said = await _run(*command)
        if code not in (0, NOT_ENOUGH_DATA, WORSE_THAN_LIVE):
            raise SetUpFailed(f"jobs.{job} ended with code {code}: {said}")
        done += [job] if code == 0 else []
    return done


async def _rayce(running: Running, *words: str, may_fail: bool = False) -> str:
    code, said = await _run("-m", "rayce.cli", *words, "--settings", running.settings)
    if code and not may_fail:
        raise SetUpFailed(f"rayce {' '.join(words)}: {said}")
    return said


async def _run(*arguments: str) -> tuple[int, str]:
    """The exit code, and the output (of a failure: the errors)."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=pipe, stderr=pipe)
    out, errors = await process.communicate()
    code = process.returncode or 0
    return code, (errors if code else out).decode("utf-8", "replace").strip()
