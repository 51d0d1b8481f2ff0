"""One process of ours, recognised beyond doubt: by its pid together with the moment it started.

A pid alone is reused by the system; a signal sent to a remembered pid could hit a stranger. Every signal here is sent
only after the start time has been compared, and on Linux through a pidfd, so nothing can slip in between.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class OwnedProcess:
    """A pid and the start time that tells it from a later process with the same number."""

    pid: int
    started: str

    @classmethod
    def from_pid(cls, pid: int) -> "OwnedProcess":
        """Identify a process that was just started by us. Raises `ProcessLookupError` if it is already gone."""
        found = _look(pid)
        if found is None or found.zombie:
            raise ProcessLookupError(pid)
        return cls(pid, found.started)

    def alive(self) -> bool:
        """Whether this very process still runs. A zombie counts as dead, and is reaped if it is our child."""
        found = _look(self.pid)
        if found is None or found.started != self.started:
            return False
        if found.zombie:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, os.WNOHANG)
        return not found.zombie

    def send(self, signum: int) -> None:
        """Send a signal to this very process; does nothing when it is gone or its pid has a new owner."""
        with contextlib.suppress(ProcessLookupError):
            if not hasattr(os, "pidfd_open"):
                if self.alive():
                    os.kill(self.pid, signum)
                return
            handle = os.pidfd_open(self.pid)
            try:
                if self.alive():
                    signal.pidfd_send_signal(handle, signum)
            finally:
                os.close(handle)

    def wait_gone(self, timeout_s: float) -> bool:
        """Wait until the process is gone; False when it still runs after the time."""
        deadline = time.monotonic() + timeout_s
        while self.alive():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def stop(self, grace_s: float) -> bool:
        """SIGTERM, then SIGKILL after the grace period. True when it went by itself."""
        self.send(signal.SIGTERM)
        if self.wait_gone(grace_s):
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        self.send(signal.SIGKILL)
        self.wait_gone(10)

    def rss_bytes(self) -> int:
        """Resident memory; 0 when the process is gone."""
        if not self.alive():
            return 0
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            return int(_ps(self.pid, "rss") or 0) * 1024


def spawn(argv: list[str], *, env: dict[str, str], cwd: Path, log: Path) -> int:
    """Start a detached process (its own session, output appended to the log) and return its pid."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        child = subprocess.Popen(
            argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    child.returncode = 0  # Not this object's to wait for: `OwnedProcess` reaps it, or init after we have gone.
    return child.pid


@dataclass(frozen=True, slots=True)
class _Seen:
    started: str
    zombie: bool


def _look(pid: int) -> _Seen | None:
    """What the system says of the process behind a pid; None when there is none. Start times count within one boot."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _look_without_proc(pid)
    fields = stat[stat.rindex(")") + 2 :].split()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return _Seen(f"{boot}/{fields[19]}", fields[0] in "ZX")


def _look_without_proc(pid: int) -> _Seen | None:
    state, started = _ps(pid, "stat"), _ps(pid, "lstart")
    return _Seen(started, state.startswith("Z")) if state and started else None


def _ps(pid: int, column: str) -> str | None:
    """A column of `ps` for a process, for systems without /proc; None when it does not exist."""
    if shutil.which("ps") is None:
        return None
    run = subprocess.run(["ps", "-o", f"{column}=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return run.stdout.strip() or None
