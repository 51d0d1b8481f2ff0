"""Starts rayce's other programs by name: the cluster, which stays, and the jobs, which end."""

import asyncio
import os
import re
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

JOBS = {
    "train_segment_models": "Train the segment models",
    "build_affinities": "Find what goes together",
    "train_ranker": "Train the ranker",
    "build_recommendations": "Precompute everybody's list",
}
UP_TIMEOUT_S = 600.0
DOWN_TIMEOUT_S = 60.0

OF_RAY = ("(raylet", "(pid=", "(autoscaler")
"""What Ray says to every driver is in the log; the page shows what concerns the demo."""

OnLine = Callable[[str], None]


class ProgramFailed(Exception):
    """A program ended before its work was done. The message holds its last lines; mend what they say and start again."""


class Outcome(Struct, frozen=True):
    """The last line of a job: the generations it made live, and what it measured."""

    generation: dict[str, int]
    metrics: dict[str, float] = {}


class Address(Struct, frozen=True):
    """Where rayce answers, and what a customer needs to call it."""

    url: str
    api_key_file: str | None = None
    settings: str | None = None
    dashboard: str | None = None
    pid: int = 0

    def api_key(self) -> str:
        """The key to call with; empty where none is needed."""
        return Path(self.api_key_file).read_text(encoding="utf-8").strip() if self.api_key_file else ""


class Cluster:
    """`python -m cluster.up`: everything that rayce is, as one program in the foreground.

    It runs in a session of its own, so that Ctrl-C reaches only us and we stop it in order; its standard input is a pipe
    that closes when we die.
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command, self._log = command, log
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._drain: asyncio.Task[None] | None = None
        self._said: deque[str] = deque(maxlen=15)

    async def start(self, on_line: OnLine = lambda _: None) -> Address:
        """Returns when everything is ready; `ProgramFailed` where it ends before, or is not ready in ten minutes."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._process = process = await _spawn(self._command)
        self._reader = asyncio.create_task(self._listen(process, on_line))
        assert process.stdout is not None
        try:
            async with asyncio.timeout(UP_TIMEOUT_S):
                while line := await process.stdout.readline():
                    if (address := _address(line)) is not None:
                        self._drain = asyncio.create_task(_follow(process.stdout, deque(maxlen=1), on_line))
                        return address
                    on_line(line.decode("utf-8", "replace").strip())
                await process.wait()
        except TimeoutError:
            raise ProgramFailed(self._failure(f"was not ready after {UP_TIMEOUT_S:.0f} s")) from None
        await self._reader
        raise ProgramFailed(self._failure(f"ended with code {process.returncode}"))

    @property
    def ended(self) -> int | None:
        """The exit code, where it has ended by itself."""
        return self._process.returncode if self._process else None

    async def stop(self) -> None:
        """SIGTERM, then waiting; after a minute SIGKILL to what we started and nothing else.

        Raises `ProgramFailed` where it did not end in order: then what it had started may still be running.
        """
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(DOWN_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)  # its own session: `start_new_session` below
            await process.wait()
        if process.returncode not in (0, -signal.SIGTERM):
            raise ProgramFailed(self._failure(f"did not stop in order (code {process.returncode})"))

    async def _listen(self, process: asyncio.subprocess.Process, on_line: OnLine) -> None:
        assert process.stderr is not None
        with self._log.open("ab", buffering=0) as log:
            while line := await process.stderr.readline():
                log.write(line)
                said = _text(line)
                if said and not said.startswith(OF_RAY):
                    self._said.append(said)
                    on_line(said)

    def _failure(self, what: str) -> str:
        return "\n".join([f"{' '.join(self._command)} {what}; its last words:", *self._said])


def up_command(module: str, root: Path, *, embedded: bool) -> list[str]:
    """The command that brings everything up."""
    return [sys.executable, "-m", module, "--root", str(root), *(["--embedded"] if embedded else []), "--with-parent"]


def job_command(package: str, name: str, address: Address) -> list[str]:
    """The command that runs a job: as a Ray job of the cluster, or plainly where the cluster has no dashboard."""
    job = ["-m", f"{package}.{name}", *(["--settings", address.settings] if address.settings else [])]
    if address.dashboard is None:
        return [sys.executable, *job]
    ray = Path(sys.executable).parent / "ray"
    # Ray runs a job by `bash -c`, which may read a ~/.bashrc that puts another Python first: name ours.
    return [str(ray), "job", "submit", "--address", address.dashboard, "--", sys.executable, *job]


async def run_job(package: str, name: str, address: Address, on_line: OnLine) -> None:
    """Runs one batch job to its end; `ProgramFailed` with its last lines where it fails."""
    command = job_command(package, name, address)
    process = await _spawn(command)
    said: deque[str] = deque(maxlen=15)
    try:
        await asyncio.gather(*(_follow(stream, said, on_line) for stream in (process.stderr, process.stdout)))
        await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if process.returncode:
        raise ProgramFailed("\n".join([f"{' '.join(command[1:])} ended with code {process.returncode}:", *said]))


def told(name: str, line: str) -> str:
    """What a job's line says to somebody who knows which job it is; its last line is its outcome as JSON.

    >>> told("train_ranker", "train_ranker    2.4 s  34 trees")
    '34 trees'
    >>> told("train_ranker", '{"job": "train_ranker", "generation": {"demo/ranker": 2}, "metrics": {"auc": 0.7123}}')
    'generation 2, auc 0.712'
    """
    try:
        outcome = msgspec.json.decode(line, type=Outcome)
    except msgspec.MsgspecError:
        return re.sub(rf"^{name}\s+[\d.]+ s\s+", "", line)
    number = f"generation {max(outcome.generation.values())}" if outcome.generation else "nothing new"
    best = [f"{what.rpartition('.')[2].replace('_', ' ')} {value:,.3g}" for what, value in outcome.metrics.items()]
    return ", ".join([number, *best[:1]])


async def _spawn(command: Sequence[str]) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, limit=1 << 20
    )


async def _follow(stream: asyncio.StreamReader | None, said: deque[str], on_line: OnLine) -> None:
    assert stream is not None
    while line := await stream.readline():
        if text := _text(line):
            said.append(text)
            on_line(text)


def _text(line: bytes) -> str:
    """A line without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", line.decode("utf-8", "replace")).strip()


def _address(line: bytes) -> Address | None:
    try:
        return msgspec.json.decode(line, type=Address)
    except msgspec.MsgspecError:
        return None
