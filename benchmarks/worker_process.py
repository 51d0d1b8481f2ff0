"""A worker in another process, seen from outside: told about, frozen, killed, stopped. See `worker_program`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CHECKOUT = Path(__file__).parent.parent


class ProgramProcess:
    """A program of ours that answers commands by JSON lines. A context manager: ends the process if it is still there."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.began_cpu_s = float(self._answer()["cpu_s"])
        """CPU that it had used when it had imported everything and began with the worker."""

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it is still there."""
        return self._process.poll() is None

    def tell(self) -> dict[str, Any]:
        """What it says of itself: see `worker_program.Host.tell`."""
        return self._ask("tell")

    def stop(self) -> dict[str, Any]:
        """Drain, and end; what it said last."""
        last = self._ask("stop")
        self._process.wait(60)
        return last

    def freeze(self) -> None:
        """As if the machine had forgotten it."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait(30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.alive:
            self.kill()

    def _ask(self, command: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker has ended with {self._process.wait(30)}")
        found: dict[str, Any] = json.loads(line)
        return found


class WorkerProcess(ProgramProcess):
    """A partition worker."""

    def __init__(self, settings: Path, partitions: Sequence[int], *more: str) -> None:
        numbers = ",".join(map(str, partitions))
        super().__init__("benchmarks.worker_program", "--settings", str(settings), "--partitions", numbers, *more)
